#!/usr/bin/env bash
# The same texts on `btrm serve` and on two builds of PyTorch, in turn, with the same weights and cores: requests of 16 candidates (a prompt
# of 512 tokens, answers of 64), then single texts of 576 tokens at concurrency 32 beside `btrm score` on the same texts.
#   bench/peers/serve.sh [ROUNDS]       rows go to bench/results/cpu-serve.jsonl, a table to stdout; 0 rounds only make model and texts
#   SIDES="btrm official" ...           only these; all: peer official btrm btrm-no-sharing single
#   REQUESTS=N                          requests for each peer (2); btrm, being quicker, is asked for four times as many at concurrency 4
#   DTYPE=float32|bfloat16              the checkpoint's type on all sides
# peer: transformers (+ PEFT) on Debian's PyTorch; its tree is a folder of its own (debian-tree.sh makes it on first use, about 4 minutes).
# PEER_PYTHONPATH=DIR adds PEFT's src folder. official: the library that PyTorch publishes (official/run.sh builds the program first).
# Peers score a request as one batch of 16, right-padded; their start is not counted. Exit code 1: rewards differ by more than 1%.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
rounds=${1:-3} requests=${REQUESTS:-2} dtype=${DTYPE:-float32} sides=${SIDES:-peer official btrm btrm-no-sharing single} pid=
btrm=${BTRM:-$root/btrm}
rows=$root/bench/results/cpu-serve.jsonl
work=$root/out/peers/serve-$dtype   # a fixed folder: debian-tree.sh binds it into the peer's tree
mkdir -p "$work"
cd "$work"
[ -e start.safetensors ] || bash "$here/hf-peer.sh" "$here/peer_score.py" make "$work" --dtype "$dtype"
python3 - "$requests" <<'PY'
import json, random, sys
peers = int(sys.argv[1])
r = random.Random(5)
ids = lambda n: [r.randrange(1, 49152) for _ in range(n)]
with open("best16.jsonl", "w") as all_, open("best16-peer.jsonl", "w") as first:
    for i in range(4 * peers):
        prompt = ids(512)
        line = json.dumps({"input": [prompt + ids(64) for _ in range(16)]}) + "\n"
        all_.write(line)
        if i < peers: first.write(line)
with open("single.jsonl", "w") as single, open("rows.jsonl", "w") as w:
    for _ in range(64):
        text = ids(576)
        single.write(json.dumps({"input": [text]}) + "\n"); w.write(json.dumps({"input_ids": text}) + "\n")
PY
head -n 1 rows.jsonl > one.jsonl
case " $sides " in *" official "*) bash "$here/official/run.sh" --help >/dev/null ;; esac
[ "$rounds" -gt 0 ] || exit 0
serve() {
  "$btrm" serve --model model --adapter adapter --device cpu --port 0 --no-access-log "$@" >"$work/serve.out" 2>"$work/serve.err" & pid=$!
  until grep -q http "$work/serve.out"; do kill -0 $pid || { cat "$work/serve.err" >&2; exit 1; }; sleep 0.2; done
  url=$(sed -n 's,^\(http://[0-9.:]*\)/.*,\1,p' "$work/serve.out")
}
stop() { kill -TERM $pid; wait $pid; pid=; }
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true' EXIT
when=$(date -u +%Y-%m-%dT%H:%MZ)
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
commit=$(git -C "$root" rev-parse --short HEAD 2>/dev/null || echo unknown)
rm -f now.jsonl
note() { python3 -c '
import json, sys
date, cpu, cores, load, commit, dtype, side, body = sys.argv[1:]
more = {k: v for k, v in json.loads(body).items() if k not in ("rewards", "dtype")}
print(json.dumps(dict(date=date, cpu=cpu, cores=int(cores), load=load, commit=commit, dtype=dtype, side=side, **more)))' \
  "$when" "$cpu" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)" "$commit" "$dtype" "$1" "$2" | tee -a now.jsonl >> "$rows"; }
load() { python3 "$here/serve_load.py" "$url" "$@"; }
score() {
  "$btrm" score --model model --adapter adapter --device cpu --micro-token-budget 2048 --input "$1" --output scored.jsonl 2>/dev/null
}
seconds_of() { { TIMEFORMAT=%R; time "$@"; } 2>&1; }
rewards() { if [ -e rewards.json ]; then echo --rewards rewards.json; fi; }

take() {
  case $1 in
    peer)
      bash "$here/hf-peer.sh" "$here/peer_score.py" score "$work" "$work/best16-peer.jsonl" --dtype "$dtype" 2>peer.err \
        | tail -1 >rewards.json
      note peer "$(cat rewards.json)" ;;
    official)
      bash "$here/official/run.sh" --start "$work/start.safetensors" --score "$work/best16-peer.jsonl" >official.json
      note official "$(cat official.json)" ;;
    # shellcheck disable=SC2046
    btrm) serve; note btrm "$(load best16.jsonl --concurrency 4 $(rewards))"; stop ;;
    # shellcheck disable=SC2046
    btrm-no-sharing) serve --no-prefix-sharing; note btrm-no-sharing "$(load best16-peer.jsonl --concurrency 4 $(rewards))"; stop ;;
    single)
      serve; note btrm-single-32 "$(load single.jsonl --concurrency 32)"; stop
      note btrm-score "$(python3 -c '
import json, sys
every, one = map(float, sys.argv[1:])
print(json.dumps(dict(tokens_per_second=round(63 * 576 / (every - one), 1), seconds=every, start_seconds=one)))' \
        "$(seconds_of score rows.jsonl)" "$(seconds_of score one.jsonl)")" ;;
    *) echo "$1 is no side; see the head of this script" >&2; exit 2 ;;
  esac
}

for round in $(seq "$rounds"); do
  echo "round $round of $rounds" >&2
  for side in $sides; do take "$side"; done
done
python3 "$here/serve_table.py" now.jsonl rewards.json official.json
