#!/usr/bin/env bash
# The same LoRA training job on btrm and on two builds of PyTorch, in turn, on the same token ids and the same cores.
#   bench/peers/train.sh [ROUNDS]        rows go to bench/results/cpu-train.jsonl, a table to stdout; 0 rounds only make what the sides start from
#   SIDES="btrm official-float32" ...    only these; all: btrm btrm-no-sharing peer official-float32 official-bfloat16
# peer: transformers (+ PEFT) on Debian's build; its tree is a folder of its own (debian-tree.sh makes it on first use, about 4 minutes).
# PEER_PYTHONPATH=DIR adds PEFT's src folder; without PEFT the peer's LoRA layers are written out in peer_train.py, the same arithmetic.
# official: the library that PyTorch publishes (official/run.sh builds the program on first use), from the weights that peer starts from.
# Tokens are counted as the peers count them: both full sequences of every pair. Ratios are medians over the rounds, each against the best
# peer of its own round. The exit code is 1 when peer and official-float32 differ by more than 1e-4 in the loss of any step.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=${1:-3}
shape=${SHAPE:-smollm2-135m}
batch=${BATCH:-4}
steps=${STEPS:-3}
sides=${SIDES:-btrm btrm-no-sharing peer official-float32 official-bfloat16}
btrm=${BTRM:-$root/btrm}
rows=$root/bench/results/cpu-train.jsonl
work=$root/out/peers   # a fixed folder: debian-tree.sh binds it into the peer's tree
mkdir -p "$work"
rm -f "$work/rows.jsonl"
cd "$work"
bash "$here/hf-peer.sh" "$here/write_pairs.py" "$work/pairs.jsonl" --shape "$shape" --pairs $((batch * (steps + 1)))
when=$(date -u +%Y-%m-%dT%H:%MZ)
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
job=(--data "$work/pairs.jsonl" --batch-size "$batch" --steps "$steps")

# Where a peer starts: the weights of a shape and a type, written once.
start_file() {
  local file=$work/start-$shape-$1.safetensors
  if [[ ! -e $file || $here/peer_train.py -nt $file ]]; then
    bash "$here/hf-peer.sh" "$here/peer_train.py" --shape "$shape" --dtype "$1" --save-start "$file" >&2
  fi
  echo "$file"
}

take() {
  case $1 in
    btrm) "$btrm" bench --device cpu --shape "$shape" "${job[@]}" --json 2>/dev/null ;;
    btrm-no-sharing) "$btrm" bench --device cpu --shape "$shape" "${job[@]}" --no-prefix-sharing --json 2>/dev/null ;;
    peer) bash "$here/hf-peer.sh" "$here/peer_train.py" --shape "$shape" "${job[@]}" --micro-pairs "$batch" | tail -1 ;;
    official-*) bash "$here/official/run.sh" --start "$(start_file "${1#official-}")" "${job[@]}" --micro-pairs "$batch" ;;
    *) echo "$1 is no side; see the head of this script" >&2; exit 2 ;;
  esac
}

note() { python3 -c '
import json, sys
row = dict(date=sys.argv[1], cpu=sys.argv[2], cores=int(sys.argv[3]), commit=sys.argv[4], side=sys.argv[5], load=sys.argv[7], **json.loads(sys.argv[6]))
print(json.dumps(row))' "$when" "$cpu" "$(nproc)" "$commit" "$1" "$2" "$3" | tee -a "$work/rows.jsonl" >> "$rows"; }

for side in $sides; do case $side in official-*) start_file "${side#official-}" >/dev/null ;; esac; done
[ "$rounds" -gt 0 ] || exit 0
for round in $(seq "$rounds"); do
  echo "round $round of $rounds" >&2
  for side in $sides; do
    load=$(cut -d' ' -f1 /proc/loadavg)
    note "$side" "$(take "$side")" "$load"
  done
done
python3 "$here/table.py" "$work/rows.jsonl"
