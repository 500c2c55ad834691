#!/usr/bin/env bash
# Best of 16 (a 512-token prompt, 64-token answers) on `btrm serve` and on transformers + PEFT, in turn, on the same texts, weights and cores.
#   bench/peers/serve.sh [ROUNDS] [REQUESTS]     rows go to bench/results/cpu-serve.jsonl, a table to stdout
# Then single texts of 576 tokens at concurrency 32 beside `btrm score` on the same texts. DTYPE=float32|bfloat16 is the checkpoint's type on both sides.
# The peer's stack lives in a folder of its own (hf-peer.sh makes it on first use, about 4 minutes); PEER_PYTHONPATH=DIR adds PEFT's src folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=${1:-3} requests=${2:-4} dtype=${DTYPE:-float32} pid=
btrm=${BTRM:-$root/btrm}
rows=$root/bench/results/cpu-serve.jsonl
work=$root/out/peers/serve-$dtype   # a fixed folder: hf-peer.sh binds it into the peer's tree
mkdir -p "$work"
cd "$work"
[ -e model/config.json ] || bash "$here/hf-peer.sh" "$here/peer_score.py" make "$work" --dtype "$dtype"
python3 - "$requests" <<'PY'
import json, random, sys
r = random.Random(5)
ids = lambda n: [r.randrange(1, 49152) for _ in range(n)]
with open("best16.jsonl", "w") as f, open("single.jsonl", "w") as s, open("rows.jsonl", "w") as w:
    # More than the peer is asked for, which takes its time: its share is the first of them.
    for _ in range(3 * int(sys.argv[1])):
        prompt = ids(512)
        f.write(json.dumps({"input": [prompt + ids(64) for _ in range(16)]}) + "\n")
    for _ in range(64):
        text = ids(576)
        s.write(json.dumps({"input": [text]}) + "\n"); w.write(json.dumps({"input_ids": text}) + "\n")
PY
head -n "$requests" best16.jsonl > best16-peer.jsonl
serve() { "$btrm" serve --model model --adapter adapter --device cpu --port 0 --no-access-log "$@" >"$work/serve.out" 2>"$work/serve.err" & pid=$!
  until grep -q http "$work/serve.out"; do kill -0 $pid || { cat "$work/serve.err" >&2; exit 1; }; sleep 0.2; done
  url=$(sed -n 's,^\(http://[0-9.:]*\)/.*,\1,p' "$work/serve.out"); }
stop() { kill -TERM $pid; wait $pid; }
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true' EXIT
when=$(date -u +%Y-%m-%dT%H:%MZ)
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
rm -f "$work/now.jsonl"
note() { python3 -c '
import json, sys
body = json.loads(sys.argv[7]); body.pop("rewards", None)
print(json.dumps(dict(date=sys.argv[1], cpu=sys.argv[2], cores=int(sys.argv[3]), load=sys.argv[4], commit=sys.argv[5], dtype=sys.argv[8], side=sys.argv[6], **{k: v for k, v in body.items() if k != "dtype"})))' \
  "$when" "$cpu" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)" "$commit" "$1" "$2" "$dtype" | tee -a "$work/now.jsonl" >> "$rows"; }
for round in $(seq "$rounds"); do
  echo "round $round of $rounds" >&2
  bash "$here/hf-peer.sh" "$here/peer_score.py" score "$work" "$work/best16-peer.jsonl" --dtype "$dtype" 2>/dev/null | tail -1 > peer.json
  note peer "$(cat peer.json)"
  serve; note btrm "$(python3 "$here/serve_load.py" "$url" best16.jsonl --concurrency 4 --rewards peer.json)"; stop
  serve --no-prefix-sharing; note btrm-no-sharing "$(python3 "$here/serve_load.py" "$url" best16-peer.jsonl --concurrency 4 --rewards peer.json)"; stop
  serve; note btrm-single-32 "$(python3 "$here/serve_load.py" "$url" single.jsonl --concurrency 32 --repeat 2)"; stop
  seconds=$( { TIMEFORMAT=%R; time "$btrm" score --model model --adapter adapter --device cpu --micro-token-budget 2048 --input rows.jsonl --output scored.jsonl 2>/dev/null; } 2>&1 )
  head -n 1 rows.jsonl > one.jsonl
  start=$( { TIMEFORMAT=%R; time "$btrm" score --model model --adapter adapter --device cpu --input one.jsonl --output scored1.jsonl 2>/dev/null; } 2>&1 )
  note btrm-score "$(python3 -c 'import json, sys; print(json.dumps(dict(tokens_per_second=round(63 * 576 / (float(sys.argv[1]) - float(sys.argv[2])), 1), seconds=float(sys.argv[1]), start_seconds=float(sys.argv[2]))))' "$seconds" "$start")"
done
python3 - <<'PY'
import json, statistics
rows = [json.loads(line) for line in open("now.jsonl")]
median = lambda side, key: statistics.median(r[key] for r in rows if r["side"] == side)
peer = median("peer", "requests_per_second")
for side in ("peer", "btrm", "btrm-no-sharing"):
    print(f"{side:16} {median(side, 'requests_per_second'):9.4f} requests/s {median(side, 'requests_per_second') / peer:7.2f} x peer")
print(f"sharing {median('btrm', 'requests_per_second') / median('btrm-no-sharing', 'requests_per_second'):.2f} x")
print(f"single texts at 32: {median('btrm-single-32', 'tokens_per_second') / median('btrm-score', 'tokens_per_second'):.2f} of btrm score's tokens/s")
for side in ("btrm", "btrm-single-32"):
    print(f"{side}: p50 {median(side, 'p50')} s, p99 {median(side, 'p99')} s, largest queue {max(r['largest_queue_tokens'] for r in rows if r['side'] == side)} tokens")
print("largest relative difference from the peer's rewards:", max(r["max_relative_difference"] for r in rows if "max_relative_difference" in r))
PY
