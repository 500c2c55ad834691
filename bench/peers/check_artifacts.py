#!/usr/bin/env python3
"""Loads what btrm wrote with Hugging Face transformers and PEFT and compares their rewards with btrm's.

SCORES is the output of `btrm score` on rows of chosen_ids and rejected_ids: it holds the ids and the rewards.

Usage: check_artifacts.py SCORES.jsonl --model DIR [--adapter DIR]
  --model DIR --adapter DIR   the base model with btrm's adapter, through PeftModel.from_pretrained
  --model DIR                 a folder of `btrm merge`, or final/ of a full fine-tuning
Prints one JSON line with the largest absolute and relative difference, in float32; exit code 1 when it is above 1e-4 relative to the
largest reward, or when loading warns of missing or unexpected tensors.
Needs: torch, transformers, peft.
"""
import argparse, json, sys, warnings
import torch
from transformers import AutoModelForSequenceClassification

ap = argparse.ArgumentParser()
ap.add_argument("scores"); ap.add_argument("--model", required=True); ap.add_argument("--adapter")
a = ap.parse_args()
kwargs = dict(num_labels=1) if a.adapter else {}
model, info = AutoModelForSequenceClassification.from_pretrained(
    a.model, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **kwargs)
problems = sorted(info["unexpected_keys"])
missing = set(info["missing_keys"])
if a.adapter:
    from peft import PeftModel
    # A base without a head gets it from the adapter, and the lm_head of a language model has no use here.
    missing.discard("score.weight"); problems = [p for p in problems if p != "lm_head.weight"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(model, a.adapter)
    problems += [str(w.message)[:200] for w in caught if "adapter" in str(w.message)]
problems += sorted(missing)
model.eval()
rows = [json.loads(line) for line in open(a.scores)]
worst, largest = 0.0, 0.0
with torch.no_grad():
    for row in rows:
        for side in ("chosen", "rejected"):
            ids = row[side + "_ids"]
            theirs = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).logits[0, 0].item()
            worst = max(worst, abs(theirs - row[side + "_reward"])); largest = max(largest, abs(theirs))
print(json.dumps(dict(rows=len(rows), largest_reward=largest, largest_difference=worst, relative=worst / largest, problems=problems)))
sys.exit(0 if worst <= 1e-4 * largest and not problems else 1)
