#!/usr/bin/env bash
# transformers 5.12.1: dataloader_drop_last, an option about training batches by its name and use, holds for evaluation too. An evaluation set
# of fewer rows than per_device_eval_batch_size is then evaluated in no batch at all: no warning, no eval_loss, only times and rates.
# Seen: 12 rows, batches of 16: without the option eval_loss is there, with it evaluate() returns epoch, runtime and speeds alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/run.py" <<'PY'
import tempfile
import torch, transformers
from transformers import Trainer, TrainingArguments


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)

    def forward(self, x, labels=None):
        y = self.linear(x)
        return {"loss": ((y - labels) ** 2).mean(), "logits": y}


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, i):
        return {"x": torch.ones(2) * i, "labels": torch.ones(1)}


def figures(drops):
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model=Net(), train_dataset=Rows(), eval_dataset=Rows(), args=TrainingArguments(
            folder, dataloader_drop_last=drops, per_device_eval_batch_size=16, per_device_train_batch_size=4, max_steps=1,
            save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True))
        return sorted(trainer.evaluate())


print("transformers", transformers.__version__)
kept, dropped = figures(False), figures(True)
print("dataloader_drop_last=False:", kept)
print("dataloader_drop_last=True: ", dropped)
assert transformers.__version__ == "5.12.1", "another version"
assert "eval_loss" in kept and "eval_loss" not in dropped and "eval_runtime" in dropped, "another behaviour"
print("as found")
PY
cd "$folder"
"$here/../bench/peers/hf-peer.sh" "$folder/run.py" 2>"$folder/errors" | grep -v '^{' || { tail -n 5 "$folder/errors" >&2; exit 1; }
