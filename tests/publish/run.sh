#!/usr/bin/env bash
# The published file by itself, with an empty environment: it trains on the emulator from the machine code that it carries, at every architecture
# that the release serves, and neither finds nor needs NVRTC. There the emulator is one that looks like a GPU's driver: a file without machine
# code has no kernels for it, and --device auto refuses.
#
#   tests/publish/run.sh BTRM FOLDER        the file that ./build.sh publish made; libbtrm_emulator.so and libbtrm_emulator_driver.so
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
btrm=$(readlink -f "$1") emulators=$(readlink -f "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$btrm" "$work/btrm"
cp "$emulators"/libbtrm_emulator{,_driver}.so "$work" # beside the executable: --device emulated needs no variable
cp -r "$tree/tests/golden/cases/qwen2-tiny/model" "$work/model"
cd "$work"
ids() { local i text=$1; for ((i = 0; i < 12; i++)); do text+=,$((3 + (i * 37 + $1 * 11) % 500)); done; printf '[%s]' "$text"; }
for pair in 5 6 7 8; do printf '{"chosen_ids":%s,"rejected_ids":%s}\n' "$(ids $pair)" "$(ids $((pair + 40)))"; done >pairs.jsonl

run() { env -i XDG_CACHE_HOME="$work/cache" BTRM_EMULATOR_ARCHITECTURE="$architecture" "${driver[@]}" ./btrm "$@"; }
fail() { echo "the published file at $architecture: $1" >&2; exit 1; }
train() { # DEVICE FOLDER
  run train --device "$1" --model model --train-file pairs.jsonl --lora --lora-rank 4 --steps 2 --batch-size 2 --output-dir "$2" >train.log 2>&1 ||
    { cat train.log; fail "does not train with --device $1"; }
  [ -s "$2/final/adapter_model.safetensors" ] || fail 'left no adapter'
  [ ! -d cache/btrm/kernels ] || [ -z "$(ls cache/btrm/kernels)" ] || fail 'compiled something'
}

driver=(BTRM_CUDA_LIBRARY="$work/libbtrm_emulator_driver.so")
for architecture in 80 86 89 90 120; do
  run doctor --json >doctor.json || true
  grep -q '"nvrtc_library": *null' doctor.json || fail 'finds NVRTC here, so this shows nothing'
  train auto "out-$architecture"
  grep -q '(auto: the first GPU that works)' train.log || { cat train.log; fail 'does not take the GPU'; }
done
cmp out-80/final/adapter_model.safetensors out-90/final/adapter_model.safetensors || fail 'gives another adapter than at 80'

driver=()
architecture=90
train emulated out-emulated
cmp out-90/final/adapter_model.safetensors out-emulated/final/adapter_model.safetensors || fail 'gives another adapter when the emulator is asked for'
echo "the published file trains from its own machine code at 80, 86, 89, 90 and, from PTX, 120"
