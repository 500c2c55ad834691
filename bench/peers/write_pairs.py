#!/usr/bin/env python3
"""Writes the seeded HH-like pairs of peer_train.py as {"chosen_ids", "rejected_ids"} lines, so that both sides train on the same tokens.

Usage: write_pairs.py OUT.jsonl [--pairs N] [--shape NAME]
"""
import argparse, json, types
import peer_train


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out"); ap.add_argument("--pairs", type=int, default=32); ap.add_argument("--shape", choices=peer_train.SHAPES, default="smollm2-135m")
    a = ap.parse_args()
    source = peer_train.pairs(types.SimpleNamespace(data=None), peer_train.SHAPES[a.shape][1]["vocab_size"])
    with open(a.out, "w") as f:
        for _ in range(a.pairs):
            c, r = next(source)
            f.write(json.dumps({"chosen_ids": c, "rejected_ids": r}) + "\n")


if __name__ == "__main__": main()
