#!/usr/bin/env bash
# transformers 5.12.1: what happens by steps happens at a step's end, what happens by epochs after that. With logging_strategy="epoch" and
# eval_strategy="steps", where an epoch's last step is evaluated, Trainer.log is given the training line after the evaluation's, and the model is
# still in evaluation mode. A subclass that keeps figures of training and evaluation apart by model.training, as reward trainers do, adds the
# wrong (empty) ones to that line, and the epoch's figures turn up in a later line or in none.
# Seen: lines at step 3 in the order eval_loss, loss, train_loss, all in evaluation mode; the other way round of strategies: loss in training mode.
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


class Watched(Trainer):
    def log(self, logs, *rest, **more):
        self.lines.append((next(name for name in ("loss", "eval_loss", "train_loss") if name in logs), self.model.training))
        super().log(logs, *rest, **more)


def lines(logging, evaluation):
    with tempfile.TemporaryDirectory() as folder:
        trainer = Watched(model=Net(), train_dataset=Rows(), eval_dataset=Rows(), args=TrainingArguments(
            folder, logging_strategy=logging, logging_steps=3, eval_strategy=evaluation, eval_steps=3, per_device_train_batch_size=4,
            num_train_epochs=1, save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True))
        trainer.lines = []
        trainer.train()
        return trainer.lines


print("transformers", transformers.__version__)
first, second = lines("epoch", "steps"), lines("steps", "epoch")
print("lines by epochs, evaluations by steps:", first)
print("lines by steps, evaluations by epochs:", second)
assert transformers.__version__ == "5.12.1", "another version"
assert first == [("eval_loss", False), ("loss", False), ("train_loss", False)], "another order or mode"
assert second[0] == ("loss", True) and second[1] == ("eval_loss", False), "another order or mode"
print("as found")
PY
cd "$folder"
"$here/../bench/peers/hf-peer.sh" "$folder/run.py" 2>"$folder/errors" | grep -v '^{' || { tail -n 5 "$folder/errors" >&2; exit 1; }
