#!/usr/bin/env python3
"""Prints the table of train.sh from the rows of one call: rates, memory, and ratios to the best peer. Exit code 1 when the losses differ.

Usage: table.py ROWS.jsonl
"""
import json, statistics, sys

rows = [json.loads(line) for line in open(sys.argv[1])]
sides = {}
for row in rows: sides.setdefault(row["side"], []).append(row)
rate = {side: [r["tokens_per_second"] for r in mine] for side, mine in sides.items()}
peers = [side for side, mine in sides.items() if "peer" in mine[0]]
best = max(peers, key=lambda side: statistics.median(rate[side]), default=None)
print(f"{'side':18} {'tokens/s':>9} {'x best peer':>12} {'(of rounds)':>16} {'peak GiB':>9}")
for side, mine in sides.items():
    # Rounds are compared one by one: what else runs on the machine changes between rounds more than within one.
    ratios = [a / b for a, b in zip(rate[side], rate[best])] if best else [float("nan")]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"{side:18} {statistics.median(rate[side]):9.1f} {statistics.median(ratios):12.2f} {spread:>16} {max(r['peak_memory_gib'] for r in mine):9.2f}")
for side in peers: print(f"{side}: {sides[side][0]['peer']}, {sides[side][0]['dtype']}{', the best peer' if side == best else ''}")
if "peer" in sides and "official-float32" in sides:
    apart = max(abs(a - b) for a, b in zip(sides["peer"][0]["losses"], sides["official-float32"][0]["losses"]))
    print(f"losses of peer and official-float32: at most {apart:.1e} apart")
    sys.exit(apart > 1e-4)
