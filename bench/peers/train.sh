#!/usr/bin/env bash
# The same LoRA training job on btrm and on transformers + PEFT, in turn, on the same token ids and the same cores.
#   bench/peers/train.sh [ROUNDS]        rows go to bench/results/cpu-train.jsonl, a table to stdout
# The peer's stack lives in a folder of its own (hf-peer.sh makes it on first use, about 4 minutes). PEER_PYTHONPATH=DIR adds PEFT's src
# folder; without PEFT the peer's LoRA layers are written out in peer_train.py, the same arithmetic.
# Tokens are counted as the peer counts them: both full sequences of every pair.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=${1:-3}
shape=${SHAPE:-smollm2-135m}
batch=${BATCH:-4}
steps=${STEPS:-3}
btrm=${BTRM:-$root/btrm}
rows=$root/bench/results/cpu-train.jsonl
work=$root/out/peers   # a fixed folder: hf-peer.sh binds it into the peer's tree
mkdir -p "$work"
rm -f "$work/rows.jsonl"
cd "$work"
bash "$here/hf-peer.sh" "$here/write_pairs.py" "$work/pairs.jsonl" --pairs $((batch * (steps + 1)))
when=$(date -u +%Y-%m-%dT%H:%MZ)
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
note() { python3 -c '
import json, sys
row = dict(date=sys.argv[1], cpu=sys.argv[2], cores=int(sys.argv[3]), commit=sys.argv[4], side=sys.argv[5], **json.loads(sys.argv[6]))
print(json.dumps(row))' "$when" "$cpu" "$(nproc)" "$commit" "$1" "$2" | tee -a "$work/rows.jsonl" >> "$rows"; }
for round in $(seq "$rounds"); do
  echo "round $round of $rounds" >&2
  note peer "$(bash "$here/hf-peer.sh" "$here/peer_train.py" --shape "$shape" --data "$work/pairs.jsonl" --batch-size "$batch" --micro-pairs "$batch" --steps "$steps" | tail -1)"
  note btrm "$("$btrm" bench --device cpu --shape "$shape" --data "$work/pairs.jsonl" --batch-size "$batch" --steps "$steps" --json 2>/dev/null)"
  note btrm-no-sharing "$("$btrm" bench --device cpu --shape "$shape" --data "$work/pairs.jsonl" --batch-size "$batch" --steps "$steps" --no-prefix-sharing --json 2>/dev/null)"
done
python3 - "$work/rows.jsonl" <<'PY'
import json, statistics, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
peer = statistics.median(r["tokens_per_second"] for r in rows if r["side"] == "peer")
print(f"{'side':16} {'tokens/s':>10} {'x peer':>8} {'peak GiB':>9}")
for side in ("peer", "btrm", "btrm-no-sharing"):
    mine = [r for r in rows if r["side"] == side]
    rate = statistics.median(r["tokens_per_second"] for r in mine)
    print(f"{side:16} {rate:10.1f} {rate / peer:8.2f} {max(r['peak_memory_gib'] for r in mine):9.2f}")
PY
