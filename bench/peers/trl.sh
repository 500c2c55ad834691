#!/usr/bin/env bash
# The same TRL job (trl.yaml) by `btrm trl reward`, by transformers + PEFT on Debian's PyTorch (peer_trl.py), and, the same token ids, by the library that PyTorch
# publishes (official/). All train the same pairs in the same order in float32; samples/s from the first step to the last, as TRL's train_samples_per_second.
#   bench/peers/trl.sh MODEL_DIR [ROUNDS]    MODEL_DIR: SmolLM2-135M-Instruct; rows go to bench/results/cpu-trl.jsonl, a table to stdout
#   SIDES="btrm peer official-float32"       only these
#   PEER_PYTHONPATH=DIR                      PEFT's src folder; needed, where Debian's tree has no PEFT
#   BTRM=PROGRAM OFFICIAL=RUN.SH             other builds of btrm and of official/
# The exit code is 1 when a step's loss of btrm and peer differ by more than 1e-4.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
model=$(realpath "$1")
rounds=${2:-1}
sides=${SIDES:-btrm peer official-float32}
btrm=${BTRM:-$root/btrm}
official=${OFFICIAL:-$here/official/run.sh}
rows=$root/bench/results/cpu-trl.jsonl
data=$root/examples/quickstart
work=$root/out/peers
mkdir -p "$work/trl-data"
cp "$data/train.jsonl" "$work/trl-data/train.jsonl"
rm -f "$work/trl-rows.jsonl"
cd "$work"
cp "$here/trl.yaml" .
export PEER_BIND=$model
steps=$(sed -n 's/^max_steps: //p' trl.yaml)
batch=$(sed -n 's/^per_device_train_batch_size: //p' trl.yaml)
start=$work/start-smollm2-135m-float32.safetensors
case " $sides " in *" official-"*)
  [[ -e $start ]] || bash "$here/hf-peer.sh" "$here/peer_train.py" --shape smollm2-135m --dtype float32 --save-start "$start" >&2
  [[ -e trl-pairs.jsonl || " $sides " == *" peer "*official* ]] || { echo "official needs the token ids that side peer writes: name it first" >&2; exit 2; }
esac

take() {
  case $1 in
    btrm)
      rm -rf trl-out
      "$btrm" trl reward --config trl.yaml --model_name_or_path "$model" --dataset_name trl-data --output_dir trl-out --device cpu 2>trl-btrm.log | python3 -c '
import ast, json, sys
lines = [ast.literal_eval(line) for line in sys.stdin if line.startswith("{")]
steps = [json.loads(line) for line in open("trl-out/metrics.jsonl")]
print(json.dumps(dict(dtype="float32", samples_per_second=float(lines[-1]["train_samples_per_second"]), losses=[s["loss"] for s in steps if "loss" in s], tokens=float(lines[-2]["num_tokens"]))))' ;;
    peer) bash "$here/hf-peer.sh" "$here/peer_trl.py" trl.yaml "$model" trl-data/train.jsonl trl-pairs.jsonl | tail -1 ;;
    official-*) bash "$official" --start "$start" --data "$work/trl-pairs.jsonl" --batch-size "$batch" --micro-pairs "$batch" --warmup 0 --steps "$steps" ;;
    *) echo "$1 is no side; see the head of this script" >&2; exit 2 ;;
  esac
}

when=$(date -u +%Y-%m-%dT%H:%MZ)
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
for round in $(seq "$rounds"); do
  for side in $sides; do
    echo "round $round of $rounds: $side" >&2
    load=$(cut -d' ' -f1 /proc/loadavg)
    python3 -c '
import json, sys
row = dict(date=sys.argv[1], cpu=sys.argv[2], cores=int(sys.argv[3]), commit=sys.argv[4], side=sys.argv[5], load=sys.argv[7], **json.loads(sys.argv[6]))
if "samples_per_second" not in row: row["samples_per_second"] = round(int(sys.argv[8]) * int(sys.argv[9]) / (row["seconds_per_step"] * int(sys.argv[9])), 4)
print(json.dumps(row))' "$when" "$cpu" "$(nproc)" "$commit" "$side" "$(take "$side")" "$load" "$batch" "$steps" | tee -a trl-rows.jsonl >>"$rows"
  done
done
python3 - trl-rows.jsonl <<'TABLE'
import json, statistics, sys
sides = {}
for row in map(json.loads, open(sys.argv[1])): sides.setdefault(row["side"], []).append(row)
rate = {side: [row["samples_per_second"] for row in mine] for side, mine in sides.items()}
for side in sides:
    ratios = [a / b for a, b in zip(rate.get("btrm", []), rate[side])]
    print(f"{side:18} {statistics.median(rate[side]):8.3f} samples/s" + (f"   btrm is {statistics.median(ratios):.2f} times as fast" if ratios and side != "btrm" else ""))
if "btrm" in sides and "peer" in sides:
    apart = max(abs(a - b) for a, b in zip(sides["btrm"][0]["losses"], sides["peer"][0]["losses"], strict=True))
    print(f"losses of btrm and peer: at most {apart:.1e} apart")
    sys.exit(apart > 1e-4)
TABLE
