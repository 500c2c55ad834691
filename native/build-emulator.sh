#!/bin/sh
# Builds the emulator and prints the path of its library. Usage: native/build-emulator.sh [cmake target ...]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out="$root/out/native/emulator"
generator=
command -v ninja >/dev/null 2>&1 && generator="-G Ninja"
# shellcheck disable=SC2086
[ -f "$out/CMakeCache.txt" ] || cmake -S "$root/native" -B "$out" $generator -DCMAKE_BUILD_TYPE=Release >&2
if [ $# -eq 0 ]; then set -- btrm_emulator btrm_emulator_driver; fi
cmake --build "$out" --parallel --target "$@" >&2
echo "$out/libbtrm_emulator.so"
