#!/usr/bin/env bash
# What ./build.sh publish-check made, on the emulator, as a bare node runs it: the tracked tree and the archive in a folder of their own, an
# empty environment, a path of bash and coreutils alone (no dotnet, no python, no compiler) and no NVRTC. Then with one case that breaks the
# context for the rest of its process: all others must keep their results.
#
#   tests/publish/rehearse.sh [--out DIR] [--capability 9.0,8.0,12.0] [OPTIONS OF bench/gpu-check.sh]
#
# DIR gets a folder of results a capability. Exit code 1 when a step failed that the emulator can do, or when a result is missing.
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
archive=$tree/out/publish/gpu-check.tar.xz emulator=$tree/out/native/emulator/libbtrm_emulator.so
out=$tree/out/publish/rehearsal capabilities=9.0,8.0,12.0
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2 ;;
    --capability) capabilities=$2 ;;
    *) break ;;
  esac
  shift 2
done
[ -f "$archive" ] || { echo "rehearse: no $archive; ./build.sh publish-check makes it" >&2; exit 2; }
[ -f "$emulator" ] || { echo "rehearse: no $emulator; native/build-emulator.sh makes it" >&2; exit 2; }
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/bin" "$work/tree/out/publish"
for tool in awk bash cat cmp cp cut date dirname env grep gzip head mkdir mktemp mv nproc paste rm sed sleep sort tail tar timeout touch tr uname \
  wc; do
  ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
git -C "$tree" ls-files -z | tar -C "$tree" --null --files-from=- -cf - | tar -x -C "$work/tree"
tar -xJf "$archive" -C "$work/tree/out/publish"
cp "$emulator" "$work/libbtrm_emulator.so"

status=0
check() { # FOLDER CAPABILITY VARIABLES... -- OPTIONS...
  local results=$1 capability=$2
  shift 2
  local -a variables=()
  while [ "$1" != -- ]; do variables+=("$1"); shift; done
  shift
  env -i PATH="$work/bin" BTRM_EMULATOR_CAPABILITY="$capability" BTRM_CUDA_LIBRARY="$work/libbtrm_emulator.so" "${variables[@]}" \
    bash "$work/tree/bench/gpu-check.sh" --device emulated --slower 4 --out "$results" "$@" # limits are a GPU's
}

for capability in ${capabilities//,/ }; do
  echo "== compute capability $capability"
  rm -rf "${out:?}/$capability"
  check "$out/$capability" "$capability" -- "$@" || { echo "rehearse: a step of correctness failed at $capability"; status=1; }
  # What speed steps say does not reach the exit code.
  if grep -E '^[a-z]+ +FAILED' "$out/$capability/table.txt"; then status=1; fi
done

case='own BF16: swiglu T=2 F=13 scale=1 Silu'
echo "== a fault planted in '$case'"
rm -rf "$out/fault"
if check "$out/fault" 9.0 BTRM_TEST_FAULT="$case" -- "$@" --only own; then echo 'rehearse: a fault was not told'; status=1; fi
exit "$status"
