#!/usr/bin/env python3
"""Rewards and training trajectories of tests/golden/cases again, in float64: expected.float64.json beside each expected.json (chosen and
rejected rewards of the batch) and trajectory.float64.json beside each trajectory.json.

A reward near zero is a difference of large terms, and a trajectory amplifies rounding: Adam divides each gradient by its own size, so where a gradient is nearly zero its last bits decide the
update. float64 shows how far the float32 golden run itself strayed, and with it what another float32 program may be held to.

Each trajectory: log and final_rewards_on_batch as in trajectory.json; tensors, the sum and L2 norm of every trained tensor, and
tensor_rel_err, the relative L2 error of the golden float32 tensors (trained-adapter or trained-model) against these.

Usage: make_float64.py CASES_DIR
Needs: torch, transformers, peft, safetensors.
"""
import json, pathlib, sys
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, get_cosine_schedule_with_warmup
from peft import PeftModel

torch.set_num_threads(2)


def rewards(model, seqs):
    return torch.stack([model(input_ids=torch.tensor([s]), attention_mask=torch.ones(1, len(s), dtype=torch.long)).logits[0, 0]
                        for s in seqs])


def load(case):
    model = AutoModelForSequenceClassification.from_pretrained(case / "model", attn_implementation="eager", dtype=torch.float32)
    if (case / "adapter").is_dir():
        model = PeftModel.from_pretrained(model, case / "adapter", is_trainable=True)
    return model.double()


def batch_rewards(case, model):
    model.eval()
    batch = json.loads((case / "batch.json").read_text())["pairs"]
    with torch.no_grad():
        return {k: rewards(model, [p[k] for p in batch]).tolist() for k in ("chosen", "rejected")}


def run(case):
    golden = json.loads((case / "trajectory.json").read_text())
    lora = (case / "adapter").is_dir()
    model = load(case).train()
    params = {n: p for n, p in model.named_parameters() if p.requires_grad}
    opt = torch.optim.AdamW(params.values(), lr=golden["lr"], betas=golden["betas"], eps=golden["eps"], weight_decay=golden["weight_decay"])
    sched = get_cosine_schedule_with_warmup(opt, golden["warmup_steps"], golden["steps"])
    data, n, log = golden["pairs"], golden["batch_size"], []
    eps, reg = golden["label_smoothing"], golden["score_regularization_lambda"]
    for s in range(golden["steps"]):
        b = [data[(s * n + i) % len(data)] for i in range(n)]
        model.zero_grad(set_to_none=True)
        c, r = rewards(model, [p["chosen"] for p in b]), rewards(model, [p["rejected"] for p in b])
        d = c - r
        loss = ((1 - eps) * -F.logsigmoid(d) + eps * -F.logsigmoid(-d) + reg * (c * c + r * r)).mean()
        loss.backward()
        gn = torch.nn.utils.clip_grad_norm_(params.values(), golden["max_grad_norm"])
        log.append(dict(step=s + 1, loss=loss.item(), learning_rate=sched.get_last_lr()[0], grad_norm=gn.item()))
        opt.step(); sched.step()
    final = batch_rewards(case, model)
    f32 = load_file(case / ("trained-adapter/adapter_model.safetensors" if lora else "trained-model/model.safetensors"))
    tensors, error = {}, {}
    for name, p in params.items():
        key = name.replace(".default", "").replace(".modules_to_save", "")
        p = p.detach()
        tensors[key] = dict(sum=p.sum().item(), norm=p.norm().item())
        error[key] = ((f32[key].double() - p).norm() / p.norm()).item()
    (case / "trajectory.float64.json").write_text(json.dumps(
        dict(log=log, final_rewards_on_batch=final, tensors=tensors, tensor_rel_err=error), indent=1))
    worst = {k: max(abs(a[k] - e[k]) / abs(e[k]) for a, e in zip(golden["log"], log) if e[k]) for k in ("loss", "grad_norm")}
    print(case.name, "golden float32 against float64:", worst, "tensors", max(error.values()))


for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    (folder / "expected.float64.json").write_text(json.dumps(batch_rewards(folder, load(folder)), indent=1))
    if (folder / "trajectory.json").exists():
        run(folder)
