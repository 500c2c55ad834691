#!/usr/bin/env bash
# Everything that can be learnt in one call on a machine with a GPU and without .NET, in nine minutes: correctness first, then speed beside
# PyTorch, then what needs extra tools. Needs bash, coreutils, this tree and the programs that `./build.sh publish-check` makes; the peer, the
# memory checker and the profiler take part where they are installed. docs/performance.md says what every row means.
#
#   bench/gpu-check.sh [--device cuda|emulated] [--only a,b] [--skip a,b] [--out DIR] [--seconds N] [--slower N] [--programs DIR]
#
# A step has a time limit, and its failure stops no other; a step that no longer fits into the time is skipped and says so. DIR gets rows.jsonl,
# table.txt, instructions.jsonl and logs.tar.gz. Exit code 1 when a step of correctness failed, 2 for a wrong option. --slower multiplies every
# limit and the whole, for an emulator on a machine that is busy otherwise.
# --device emulated runs all of it on the emulator that BTRM_CUDA_LIBRARY names, on tiny shapes; BTRM_EMULATOR_ARCHITECTURE chooses the GPU.
set -uo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
steps=$here/gpu-check
tree=$(cd "$here/.." && pwd)
programs=$tree/out/publish/gpu-check # where publish-check leaves them, and tar -xJf gpu-check.tar.xz in out/publish

device=cuda only='' skip='' out='' seconds=540 slower=1 single=''
usage() { sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --device | --only | --skip | --out | --seconds | --slower | --programs | --step) [ $# -ge 2 ] || usage ;;&
    --device) device=$2 ;;
    --only) only=$2 ;;
    --skip) skip=$2 ;;
    --out) out=$2 ;;
    --seconds) seconds=$2 ;;
    --slower) slower=$2 ;;
    --programs) programs=$2 ;;
    --step) single=$2 ;; # one step by itself: how this script runs them under their time limits
    *) usage ;;
  esac
  shift 2
done
case $device in cuda | emulated) ;; *) usage ;; esac
for number in "$seconds" "$slower"; do
  case $number in '' | 0* | *[!0-9]*) usage ;; esac
done
seconds=$((seconds * slower))

# name, what it is, its limit and the least time worth starting it with, in seconds; in order of worth. The limits up to `instructions` add up to
# the nine minutes; what they leave goes to the last two. The peer gets what is there but for what comes after it.
plan='
machine       facts       20  5
golden        correct     60 15
own           correct    110 20
twice         correct     30 10
bench         speed       70 20
peer          speed      110 40
wgmma         correct     40 10
doctor        correct     30 10
ladder        speed       20 10
resume        correct     35 10
instructions  facts       15  5
sanitizer     correct    120 30
profile       speed       70 30
'
after_peer=$((70 * slower))
in_list() { case ",$2," in *",$1,"*) return 0 ;; *) return 1 ;; esac; }
for name in ${only//,/ } ${skip//,/ } ${single:-}; do
  grep -q "^$name " <<<"$plan" || { echo "gpu-check: there is no step '$name'; there are:" $(awk 'NF { print $1 }' <<<"$plan") >&2; exit 2; }
done
if [ ! -x "$programs/btrm" ] || [ ! -x "$programs/tests/Rm.Kernels.Tests" ]; then
  echo "gpu-check: the programs are not there; make them with ./build.sh publish-check, or unpack its archive in out/publish" >&2
  exit 2
fi
if [ "$device" = emulated ] && [ ! -f "${BTRM_CUDA_LIBRARY:-}" ]; then
  echo "gpu-check: --device emulated needs BTRM_CUDA_LIBRARY=.../libbtrm_emulator.so (native/build-emulator.sh makes it)" >&2
  exit 2
fi

# shellcheck source=gpu-check/common.sh
. "$steps/common.sh"
for file in "$steps"/step-*.sh; do
  # shellcheck disable=SC1090
  . "$file"
done

if [ -n "$single" ]; then
  work=$GPU_CHECK_WORK out=$GPU_CHECK_OUT
  "step_$single"
  exit
fi

out=${out:-$PWD/gpu-check-out}
mkdir -p "$out" || exit 2
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GPU_CHECK_WORK=$work GPU_CHECK_OUT=$out
rm -f "$out"/{rows.jsonl,table.txt,instructions.jsonl,logs.tar.gz}
: >"$out/rows.jsonl"
mkdir -p "$work/logs" "$work/home"
# Nothing of this machine's settings takes part, and compiled kernels are not left behind; CUDA's own cache neither.
export XDG_CACHE_HOME=$work/home CUDA_CACHE_PATH=$work/home/cuda DOTNET_CLI_TELEMETRY_OPTOUT=1

failed=0
{
  printf '%-13s %-8s %7s  %s\n' step result seconds what
} >"$out/table.txt"
while read -r name kind limit least; do
  [ -n "$name" ] || continue
  if { [ -n "$only" ] && ! in_list "$name" "$only"; } || in_list "$name" "$skip"; then continue; fi
  limit=$((limit * slower))
  left=$((seconds - SECONDS)) # SECONDS counts from the start of this script
  note='' started=$EPOCHREALTIME
  if [ "$left" -lt "$least" ]; then
    result=skipped note="only $left s left of $seconds"
  else
    if [ "$name" = peer ] && [ $((left - after_peer)) -gt "$limit" ]; then limit=$((left - after_peer)); fi
    [ "$limit" -le "$left" ] || limit=$left
    export GPU_CHECK_LIMIT=$limit
    echo "== $name (at most $limit s)" >&2
    rm -f "$work/note"
    code=0
    timeout -k 5 "$limit" bash "${BASH_SOURCE[0]}" --device "$device" --programs "$programs" --step "$name" >"$work/logs/$name.log" 2>&1 || code=$?
    case $code in
      0) result=ok ;;
      "$not_here") result=skipped ;;
      124 | 137) result=FAILED note="ran into its limit of $limit s; " ;;
      *) result=FAILED ;;
    esac
    if [ -f "$work/note" ]; then note+=$(<"$work/note"); elif [ "$result" = FAILED ]; then note+=$(tail -n 1 "$work/logs/$name.log"); fi
    if [ "$result" = FAILED ] && [ "$kind" = correct ]; then failed=1; fi
  fi
  took=$(elapsed "$started")
  row "$name" "\"kind\":\"$kind\",\"result\":\"${result,,}\",\"seconds\":$took,\"note\":$(json_text "$note")"
  printf '%-13s %-8s %7s  %s\n' "$name" "$result" "$took" "$note" >>"$out/table.txt"
done <<<"$plan"
tar -czf "$out/logs.tar.gz" -C "$work" logs
echo
cat "$out/table.txt"
echo "$SECONDS s in all; rows in $out/rows.jsonl"
exit "$failed"
