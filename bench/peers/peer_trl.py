#!/usr/bin/env python3
"""The job of a trl.yaml on transformers + PEFT without a trainer: TRL's texts, order, loss and AdamW, timed from the first step to the last as its train_runtime is.
Prints one JSON line: samples and tokens per second, every step's loss, peak memory.

Usage: peer_trl.py TRL.yaml MODEL_DIR ROWS.jsonl PAIRS_OUT.jsonl    PAIRS_OUT gets the token ids in the order fed, for other peers
"""
import json, os, resource, sys, time, warnings
os.environ["TOKENIZERS_PARALLELISM"] = "false"
warnings.filterwarnings("ignore")
import torch, torch.nn.functional as F
import peft, transformers, yaml
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast, get_linear_schedule_with_warmup, set_seed

config, model_dir, rows_file, pairs_file = yaml.safe_load(open(sys.argv[1])), *sys.argv[2:]
tok = PreTrainedTokenizerFast.from_pretrained(model_dir)
eos = tok.eos_token
pad = tok.pad_token_id if tok.pad_token_id is not None else tok.eos_token_id


def ids(row, side):
    text = (row.get("prompt") or "") + row[side]
    return tok(text if text.endswith(eos) else text + eos)["input_ids"]


pairs = [(ids(row, "chosen"), ids(row, "rejected")) for row in map(json.loads, open(rows_file))]
pairs = [pair for pair in pairs if max(map(len, pair)) <= config["max_length"]]
set_seed(config["seed"])
model = AutoModelForSequenceClassification.from_pretrained(model_dir, num_labels=1, dtype=torch.float32)
model.config.pad_token_id = pad
model = peft.get_peft_model(model, peft.LoraConfig(
    task_type="SEQ_CLS", r=config["lora_r"], lora_alpha=config["lora_alpha"], lora_dropout=0.0, target_modules=config["lora_target_modules"]))
size, steps = config["per_device_train_batch_size"], config["max_steps"]
order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(config["seed"])).tolist()
fed = [[pairs[i] for i in order[s * size:(s + 1) * size]] for s in range(steps)]
with open(pairs_file, "w") as f:
    for chosen, rejected in (pair for batch in fed for pair in batch): f.write(json.dumps({"chosen_ids": chosen, "rejected_ids": rejected}) + "\n")
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=config["learning_rate"], weight_decay=0.0, fused=True)
schedule = get_linear_schedule_with_warmup(optimizer, 0, steps)
model.train()
losses, tokens, start = [], 0, time.perf_counter()
for batch in fed:
    texts = [c for c, _ in batch] + [r for _, r in batch]
    width = max(map(len, texts))
    rewards = model(
        input_ids=torch.tensor([t + [pad] * (width - len(t)) for t in texts]), attention_mask=torch.tensor([[1] * len(t) + [0] * (width - len(t)) for t in texts]), use_cache=False).logits
    chosen, rejected = rewards[:, 0].chunk(2)
    loss = -F.logsigmoid(chosen - rejected).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step(); schedule.step(); optimizer.zero_grad()
    losses.append(loss.item())
    tokens += sum(map(len, texts))
seconds = time.perf_counter() - start
print(json.dumps(dict(
    peer=f"transformers {transformers.__version__}, PEFT {peft.__version__}, torch {torch.__version__}", dtype="float32", batch=size, steps=steps,
    samples_per_second=round(size * steps / seconds, 4), tokens_per_second=round(tokens / seconds, 1), losses=losses,
    peak_memory_gib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2))))
