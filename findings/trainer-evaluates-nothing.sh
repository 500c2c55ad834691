#!/usr/bin/env bash
# transformers 5.12.1: dataloader_drop_last, an option about training batches by its name and use, holds for evaluation too. An evaluation set
# of fewer rows than per_device_eval_batch_size is then evaluated in no batch at all: no warning, no eval_loss, only times and rates.
# Seen: 12 rows, batches of 16: without the option eval_loss is there, with it evaluate() returns epoch, runtime and speeds alone.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$here/tiny_training.py" "$folder"
cat >"$folder/run.py" <<'PY'
import tempfile
import transformers
from transformers import Trainer, TrainingArguments
from tiny_training import Net, Rows


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
