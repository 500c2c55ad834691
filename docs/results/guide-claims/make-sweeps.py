#!/usr/bin/env python3
"""Writes the two sweep files of this folder: one change of the baseline a run, three seeds each. Seeds come first, so that a sweep that is stopped has whole seeds.
Usage: make-sweeps.py    (in any folder)"""
import json, pathlib
here = pathlib.Path(__file__).parent
MODULES = "q_proj,k_proj,v_proj,o_proj"
CHANGES = [
    ("base", "The baseline.", {}),
    ("sr0.01", "Weak penalty on the scores.", {"score-regularization-lambda": 0.01}),
    ("sr0.1", "Strong penalty on the scores: the guide's best.", {"score-regularization-lambda": 0.1}),
    ("ls0.05", "Label smoothing as the guide has it.", {"label-smoothing": 0.05}),
    ("r2", "Half the rank.", {"lora-rank": 2}),
    ("r8", "Twice the rank.", {"lora-rank": 8}),
    ("attention", "Factors at the attention's projections only.", {"lora-target-modules": MODULES}),
    ("lr-low", "A quarter of the rate.", None),
    ("lr-high", "Four times the rate.", None),
    ("diff-lr", "Factors at a tenth of the head's rate.", {"differential-lr": True}),
    ("norms", "Norms are trained too.", {"lora-modules-to-save": "input_layernorm,post_attention_layernorm,norm"}),
    ("batch32", "Twice the batch, half the steps.", {"batch-size": 32}),
    ("D1", "Half of the training pairs swapped.", {"diagnostic-mode": "label_shuffle", "diagnostic-shuffle-rate": 0.5}),
    ("D2", "Responses emptied.", {"diagnostic-mode": "prompt_only"}),
    ("D3", "Rejected responses from other prompts.", {"diagnostic-mode": "random_negatives"}),
    ("D4", "Pairs of nearly equal length only.", {"diagnostic-mode": "length_matched", "diagnostic-length-threshold": 10}),
]
COMMON = {
    "train-file": "out/claims/hh/train.jsonl", "eval-file": "out/claims/hh/eval.jsonl", "no-chat-template": True, "truncation": "drop", "lora": True, "lora-rank": 4,
    "lora-alpha": 32, "batch-size": 16, "epochs": 1, "warmup-steps": 2, "eval-every": 0, "save-every": 0, "log-every": 1, "device": "cpu",
}
def write(name, model, note, length, rate, order, **more):
    runs = []
    for seed in (1, 2, 3):
        for change in order:
            settings = next(s for n, _, s in CHANGES if n == change)
            if settings is None: settings = {"lr": rate / 4 if change == "lr-low" else rate * 4}
            runs.append({"name": f"{change}-s{seed}", "note": next(t for n, t, _ in CHANGES if n == change), "settings": {**settings, "seed": seed}})
    lines = ",\n".join("    " + json.dumps(run) for run in runs)
    base = json.dumps({"model": model, **COMMON, "max-seq-len": length, "lr": rate, **more}, indent=4)[:-1].rstrip() + "\n  }"
    (here / name).write_text("{\n  " + json.dumps("note") + ": " + json.dumps(note) + ',\n  "base": ' + base + ',\n  "runs": [\n' + lines + "\n  ]\n}\n")
names = [n for n, _, _ in CHANGES]
write("sweep-3m.json", "examples/quickstart/model", "The guide's claims on the quickstart's model of 3 million parameters.", 128, 1e-3, names)
first = ["base", "sr0.1", "sr0.01", "attention", "r8", "r2", "lr-low", "lr-high"]
write("sweep-smollm2.json", "out/claims/smollm2", "The guide's claims on SmolLM2-135M-Instruct.", 96, 2e-4, first + [n for n in names if n not in first], limit=256)
