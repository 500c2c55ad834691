# Which machine and which build this is; every later row begins with it.
# shellcheck shell=bash
step_machine() {
  local report gpu driver compiler
  local -a data=()
  report=$(btrm doctor --json) || true
  printf '%s\n' "$report"
  btrm doctor || true
  if emulated; then
    gpu=emulated driver=none
  else
    if ! command -v nvidia-smi >/dev/null; then note 'no nvidia-smi'; fi
    nvidia-smi || true
    gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)
  fi
  compiler=$(nvcc --version 2>/dev/null | sed -nE 's/.*release ([0-9.]+).*/nvcc \1/p')
  printf '"gpu":%s,"driver":%s,"commit":%s' "$(json_text "${gpu:-none}")" "$(json_text "${driver:-none}")" \
    "$(json_text "$(cat "$programs/commit.txt" 2>/dev/null || echo unknown)")" >"$work/facts"
  field compute_capability "$(tr -d '\n' <<<"$report")" >"$work/capability"
  # The first use loads every kernel: what this build carries, or what the driver or NVRTC makes of it, at the cost of no later step. The
  # emulator takes seconds for the pairs of a few hundred tokens that a GPU gets.
  if emulated; then
    printf '{"chosen_ids":[3,4,5,6,7,8],"rejected_ids":[3,4,5,9,10]}\n' >"$work/tiny.jsonl"
    data=(--data "$work/tiny.jsonl")
  fi
  btrm bench --device "$device" --shape tiny --steps 1 --warmup 0 --batch-size 1 "${data[@]}" --json || echo 'the tiny shape does not run'
  note "${gpu:-no GPU}, driver ${driver:-none}, ${compiler:-no nvcc}, $(nproc) cores, compute capability $(capability), btrm $(btrm --version)"
}
