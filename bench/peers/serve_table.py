#!/usr/bin/env python3
"""Prints the table of serve.sh from the rows of one call; exit code 1 when rewards differ. Rounds are compared one by one: what else runs
on the machine changes between rounds more than within one.

Usage: serve_table.py ROWS.jsonl [REWARDS.json OFFICIAL.json]
"""
import json, os, statistics, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
sides = {}
for row in rows: sides.setdefault(row["side"], []).append(row)
rates = lambda side, key="requests_per_second": [row[key] for row in sides[side]]
def ratio(side, other, key="requests_per_second"):
    r = [a / b for a, b in zip(rates(side, key), rates(other, key))]
    return f"{statistics.median(r):.2f} ({min(r):.2f} to {max(r):.2f})"

for side in ("peer", "official", "btrm-no-sharing", "btrm"):
    if side in sides: print(f"{side:16} {statistics.median(rates(side)):9.4f} requests/s  {sides[side][0].get('peer', '')}")
for other in ("peer", "official", "btrm-no-sharing"):
    if "btrm" in sides and other in sides: print(f"btrm is {ratio('btrm', other)} x {other}")
if "btrm-single-32" in sides:
    print(f"single texts at 32: {statistics.median(rates('btrm-single-32', 'tokens_per_second')):.0f} tokens/s, "
          f"{ratio('btrm-single-32', 'btrm-score', 'tokens_per_second')} of btrm score's")
for side in ("btrm", "btrm-single-32"):
    if side in sides:
        print(f"{side}: p50 {statistics.median(rates(side, 'p50'))} s, p99 {statistics.median(rates(side, 'p99'))} s, "
              f"largest queue {max(rates(side, 'largest_queue_tokens'))} tokens")
apart = [row["max_relative_difference"] for row in rows if "max_relative_difference" in row]
if len(sys.argv) > 3 and all(map(os.path.exists, sys.argv[2:4])):
    pairs = [zip(x, y) for x, y in zip(*(json.load(open(f))["rewards"] for f in sys.argv[2:4]))]
    apart.append(max(abs(x - y) / max(abs(x), 1e-3) for pair in pairs for x, y in pair))
if apart: print(f"rewards differ from the peer's by at most {max(apart):.1e} of their size")
sys.exit(max(apart, default=0) > 0.01)
