#!/usr/bin/env python3
"""Writes tests/golden/trl/cases: runs of transformers' own Trainer and PEFT with the loss and the metrics of TRL 1.16's reward trainer (docs/from-trl.md), CPU, float32.
Usage: PEER_PYTHONPATH=<peft>/src bench/peers/hf-peer.sh tests/golden/scripts/make_trl_cases.py [NAME...]   from the repository's root
A case is a folder with reward.yaml (JSON, which is YAML), data/train.jsonl, data/test.jsonl; this writes its expected.json: the log, the start and the end as sums over tensors.
"""
import json, math, os, pathlib, sys, tempfile, warnings
os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
warnings.filterwarnings("ignore")
import torch
import torch.nn.functional as F
torch.set_num_threads(1)
import peft, transformers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, Trainer, TrainingArguments, set_seed
transformers.logging.set_verbosity_error()

root = pathlib.Path("tests/golden/trl")
OWN = {"model_name_or_path", "dataset_name", "max_length", "center_rewards_coefficient", "use_peft", "lora_task_type", "lora_r", "lora_alpha", "lora_target_modules", "lora_modules_to_save", "use_rslora", "pad_token", "eos_token"}


class Pairs(torch.utils.data.Dataset):
    def __init__(self, path, tok, config):
        eos, most = config.get("eos_token") or tok.eos_token, config.get("max_length", 1024)
        def ids(prompt, answer):
            if isinstance(answer, list):
                return tok.apply_chat_template((prompt or []) + answer, tokenize=True, return_dict=True)["input_ids"]
            return tok((prompt or "") + (answer if answer.endswith(eos) else answer + eos))["input_ids"]
        rows = [json.loads(line) for line in open(path)]
        self.rows = [{"chosen_ids": ids(r.get("prompt"), r["chosen"]), "rejected_ids": ids(r.get("prompt"), r["rejected"]), **({"margin": r["margin"]} if "margin" in r else {})} for r in rows]
        if most is not None:
            self.rows = [r for r in self.rows if max(len(r["chosen_ids"]), len(r["rejected_ids"])) <= most]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        return self.rows[i]


def collator(pad):
    def collate(rows):
        texts = [r["chosen_ids"] for r in rows] + [r["rejected_ids"] for r in rows]
        width = max(map(len, texts))
        out = {"input_ids": torch.tensor([t + [pad] * (width - len(t)) for t in texts]), "attention_mask": torch.tensor([[1] * len(t) + [0] * (width - len(t)) for t in texts])}
        if "margin" in rows[0]:
            out["margin"] = torch.tensor([r["margin"] for r in rows], dtype=torch.float32)
        return out
    return collate


class RewardLoop(Trainer):
    """The loss and the metrics, as docs/from-trl.md defines them."""
    def __init__(self, center, **kw):
        super().__init__(**kw)
        self.center, self.sums, self.tokens = center, {True: {}, False: {}}, 0
        self.can_return_loss, self.label_names, self.model_accepts_loss_kwargs = True, [], False

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        training, margin = self.model.training, inputs.pop("margin", None)
        out = model(**inputs, use_cache=False)
        chosen, rejected = out.logits[:, 0].chunk(2)
        gap = chosen - rejected
        loss = -F.logsigmoid(gap if margin is None else gap - margin).mean()
        if self.center is not None:
            loss = loss + self.center * ((chosen + rejected) ** 2).mean()
        if training:
            self.tokens += int(inputs["attention_mask"].sum())
        figures = {"min_reward": out.logits.min(), "mean_reward": out.logits.mean(), "max_reward": out.logits.max(), "accuracy": (chosen > rejected).float().mean(), "margin": gap.mean()}
        for name, value in figures.items():
            self.sums[training].setdefault(name, []).append(value.item())
        return (loss, out) if return_outputs else loss

    def log(self, logs, start_time=None):
        training = self.model.training
        window = self.sums[training]
        if window:
            prefix = "" if training else "eval_"
            logs[prefix + "num_tokens"] = float(self.tokens)
            logs.update({prefix + name: sum(values) / len(values) for name, values in window.items()})
        super().log(logs, start_time)
        window.clear()

    def _set_signature_columns_if_needed(self):
        self._signature_columns = ["chosen_ids", "rejected_ids", "margin"]


def sums(model):
    """Of every trained tensor: elements, sum, sum of squares, and the first four values."""
    return {n.replace("base_model.model.", "").replace(".default", "").replace("modules_to_save.", ""): [p.numel(), p.double().sum().item(), (p.double() ** 2).sum().item(), p.flatten()[:4].tolist()]
            for n, p in model.named_parameters() if p.requires_grad}


def run(name):
    folder = root / "cases" / name
    config = json.load(open(folder / "reward.yaml"))
    base = root.parents[2] / "examples/quickstart/model"  # "tiny-qwen2-3m" in the settings
    tok = AutoTokenizer.from_pretrained(base)
    seed = config.get("seed", 42)
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1, dtype=torch.float32)
    if config.get("use_peft"):
        targets = config.get("lora_target_modules")
        targets = targets[0] if targets and len(targets) == 1 else targets  # as TRL: one word is PEFT's pattern
        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type="SEQ_CLS", r=config.get("lora_r", 16), lora_alpha=config.get("lora_alpha", 32), lora_dropout=0.05, target_modules=targets,
            modules_to_save=config.get("lora_modules_to_save"), use_rslora=config.get("use_rslora", False)))
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0
    pad = config.get("pad_token") or tok.pad_token or tok.eos_token
    model.config.pad_token_id = tok.convert_tokens_to_ids(pad)
    start = sums(model)
    with tempfile.TemporaryDirectory() as out:
        given = {k: v for k, v in config.items() if k not in OWN}
        args = TrainingArguments(**{"learning_rate": 1e-4, "logging_steps": 10, "weight_decay": 0.0, "gradient_checkpointing": True, "optim": "adamw_torch_fused", **given, "output_dir": out,
                                    "save_strategy": "no", "bf16": False, "use_cpu": True, "disable_tqdm": True, "report_to": "none", "remove_unused_columns": False})
        evaluates = config.get("eval_strategy", "no") != "no"
        trainer = RewardLoop(
            config.get("center_rewards_coefficient"), model=model, args=args, data_collator=collator(model.config.pad_token_id), train_dataset=Pairs(folder / "data/train.jsonl", tok, config),
            eval_dataset=Pairs(folder / "data/test.jsonl", tok, config) if evaluates else None)
        trainer.train()
        drop = ("runtime", "per_second", "total_flos")
        history = [{k: v for k, v in line.items() if not any(d in k for d in drop)} for line in trainer.state.log_history]
    versions = {"transformers": transformers.__version__, "peft": peft.__version__, "torch": torch.__version__}
    json.dump({"versions": versions, "max_steps": trainer.state.max_steps, "log_history": history, "start": start, "end": sums(model)}, open(folder / "expected.json", "w"), indent=1)
    print(name, trainer.state.max_steps, history[-1])


for case in sys.argv[1:] or sorted(p.name for p in (root / "cases").iterdir()):
    run(case)
