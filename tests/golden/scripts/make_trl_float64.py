#!/usr/bin/env python3
"""Writes float64.json beside the golden runs of TRL in tests/golden/trl: the log of the same run in double precision, from the same float32 start (rotary angles stay
float32's, which the model defines). What TRL's float32 and btrm's differ from it by is rounding.
Usage: PEER_PYTHONPATH=<peft>/src bench/peers/hf-peer.sh tests/golden/scripts/make_trl_float64.py   from the repository's root
"""
import json, math, os, pathlib, warnings
os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
warnings.filterwarnings("ignore")
import torch
import torch.nn.functional as F
torch.set_num_threads(1)
import peft, transformers, yaml
import transformers.models.qwen2.modeling_qwen2 as qwen2
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_cosine_schedule_with_warmup, get_linear_schedule_with_warmup, set_seed
transformers.logging.set_verbosity_error()

# transformers computes its norms in float32 whatever it is given.
qwen2.Qwen2RMSNorm.forward = lambda self, x: self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))
root = pathlib.Path("tests/golden/trl")
model_folder = "examples/quickstart/model"
tok = AutoTokenizer.from_pretrained(model_folder)


def pairs(path, most):
    def ids(row, side):
        text = (row.get("prompt") or "") + row[side]
        return tok(text if text.endswith(tok.eos_token) else text + tok.eos_token)["input_ids"]
    rows = [(ids(row, "chosen"), ids(row, "rejected")) for row in map(json.loads, open(path))]
    return [pair for pair in rows if max(map(len, pair)) <= most]


def run(out, config, train, test):
    set_seed(42)
    model = AutoModelForSequenceClassification.from_pretrained(model_folder, num_labels=1, dtype=torch.float32)
    model.config.pad_token_id = tok.pad_token_id
    model = peft.get_peft_model(model, peft.LoraConfig(
        task_type="SEQ_CLS", r=config["lora_r"], lora_alpha=config["lora_alpha"], lora_dropout=0.0, target_modules=config["lora_target_modules"])).double()
    most, center = config.get("max_length", 1024), config.get("center_rewards_coefficient", 0)
    train, test = pairs(train, most), pairs(test, most)

    def forward(batch):
        texts = [c for c, _ in batch] + [r for _, r in batch]
        width = max(map(len, texts))
        rewards = model(
            input_ids=torch.tensor([t + [tok.pad_token_id] * (width - len(t)) for t in texts]), attention_mask=torch.tensor([[1] * len(t) + [0] * (width - len(t)) for t in texts]), use_cache=False).logits
        chosen, rejected = rewards[:, 0].chunk(2)
        loss = -F.logsigmoid(chosen - rejected).mean() + center * ((chosen + rejected) ** 2).mean()
        return loss, {"min_reward": rewards.min().item(), "mean_reward": rewards.mean().item(), "max_reward": rewards.max().item(), "margin": (chosen - rejected).mean().item()}

    size, accumulation, epochs, every = config["per_device_train_batch_size"], config["gradient_accumulation_steps"], config["num_train_epochs"], config["logging_steps"]
    steps = epochs * math.ceil(math.ceil(len(train) / size) / accumulation)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=float(config["learning_rate"]), weight_decay=0.0)
    schedule = (get_cosine_schedule_with_warmup if config.get("lr_scheduler_type") == "cosine" else get_linear_schedule_with_warmup)(optimizer, math.ceil(config.get("warmup_steps", 0) * steps), steps)
    history, window, losses, step = [], [], 0.0, 0

    def means(figures, prefix=""):
        return {prefix + name: sum(f[name] for f in figures) / len(figures) for name in figures[0]}

    def evaluate():
        model.eval()
        with torch.no_grad():
            batches = [test[k:k + config["per_device_eval_batch_size"]] for k in range(0, len(test), config["per_device_eval_batch_size"])]
            results = [forward(batch) for batch in batches]
        model.train()
        history.append({"eval_loss": sum(loss.item() * len(batch) for (loss, _), batch in zip(results, batches)) / len(test), **means([f for _, f in results], "eval_"), "step": step})

    model.train()
    for epoch in range(epochs):
        order = torch.randperm(len(train), generator=torch.Generator().manual_seed(42 + epoch)).tolist()
        micro = [order[k:k + size] for k in range(0, len(order), size)]
        for first in range(0, len(micro), accumulation):
            group = micro[first:first + accumulation]
            for batch in group:
                loss, figures = forward([train[i] for i in batch])
                (loss / len(group)).backward()
                window.append(figures)
                losses += loss.item() / len(group)
            norm = torch.nn.utils.clip_grad_norm_(trained, 1.0).item()
            optimizer.step(); schedule.step(); optimizer.zero_grad()
            step += 1
            if step % every == 0:
                history.append({"loss": losses / every, "grad_norm": norm, **means(window), "step": step})
                losses, window = 0.0, []
        evaluate()
    json.dump({"log_history": history}, open(out, "w"), indent=1)
    print(out, step, history[-1])


SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
cli, python = root / "cli", root / "python"
run(cli / "float64.json", yaml.safe_load(open(cli / "reward.yaml")), cli / "data/train.jsonl", cli / "data/test.jsonl")
run(python / "float64.json", {
    "lora_r": 4, "lora_alpha": 16, "lora_target_modules": SEVEN, "learning_rate": 1e-3, "num_train_epochs": 2, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2,
    "per_device_eval_batch_size": 10, "logging_steps": 1}, python / "train.jsonl", python / "eval.jsonl")
