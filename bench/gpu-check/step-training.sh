# Training from text on the device: the same bits again, after a kill, and after a signal.
# shellcheck shell=bash

# train FOLDER OPTIONS...: replaces the process it is called in, so that a signal reaches btrm itself.
train() {
  local folder=$1 steps=60 model=$tree/examples/quickstart/model rows=$work/pairs.jsonl longest=256
  shift
  [ -f "$rows" ] || head -n 64 "$tree/examples/quickstart/train.jsonl" >"$rows"
  if emulated; then
    # The smallest of the golden models, on token ids: a step takes a second.
    steps=6 model=$tree/tests/golden/cases/qwen2-tiny/model rows=$work/ids.jsonl
    [ -f "$rows" ] || write_pairs "$rows" 8 512 130
  fi
  exec "$programs/btrm" train --device "$device" --model "$model" --train-file "$rows" --lora --lora-rank 4 --lora-alpha 8 --lr 1e-3 \
    --steps "$steps" --warmup-steps 2 --batch-size 2 --max-seq-len "$longest" --save-every 2 --keep-checkpoints 3 --output-dir "$folder" "$@"
}

# same_result A B: adapters and optimizer-free results are the same bytes.
same_result() { cmp "$1/final/adapter_model.safetensors" "$2/final/adapter_model.safetensors"; }

step_twice() {
  (train "$work/first") || { note "training failed, exit code $?"; return 1; }
  (train "$work/second") || { note "training failed the second time, exit code $?"; return 1; }
  same_result "$work/first" "$work/second" || { note 'two runs of the same command gave different adapters'; return 1; }
  note "two runs gave the same $(wc -c <"$work/first/final/adapter_model.safetensors") bytes"
}

# stopped SIGNAL FOLDER: starts training, sends the signal once there is a checkpoint, and gives the exit code in `code`.
stopped() {
  local signal=$1 folder=$2 tries=0
  train "$folder" &
  local child=$!
  until compgen -G "$folder/checkpoints/step-*" >/dev/null || ! kill -0 "$child" 2>/dev/null || [ $((tries += 1)) -gt 2000 ]; do sleep 0.02; done
  kill -"$signal" "$child" 2>/dev/null
  wait "$child"
  code=$?
}

step_resume() {
  [ -d "$work/first/final" ] || (train "$work/first") || { note "training failed, exit code $?"; return 1; }
  local code said=''
  stopped KILL "$work/killed"
  [ "$code" -eq 137 ] || { note "the run ended with code $code before it could be killed"; return 1; }
  (train "$work/killed" --resume auto) || { note "resuming the killed run failed, exit code $?"; return 1; }
  same_result "$work/first" "$work/killed" || { note 'killed and resumed: another adapter'; return 1; }
  said='killed and resumed: the same bytes'
  stopped TERM "$work/stopped"
  [ "$code" -eq 75 ] || { note "$said; SIGTERM ended the run with code $code instead of 75"; return 1; }
  (train "$work/stopped" --resume auto) || { note "$said; resuming the stopped run failed, exit code $?"; return 1; }
  same_result "$work/first" "$work/stopped" || { note "$said; stopped by SIGTERM and resumed: another adapter"; return 1; }
  note "$said; stopped by SIGTERM (code 75) and resumed: the same bytes"
}
