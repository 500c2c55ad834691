# How fast: btrm, the peer on the same token ids, single kernels, and what bounds the dearest of them.
# shellcheck shell=bash

bench_pairs() { [ -f "$work/bench.jsonl" ] || write_pairs "$work/bench.jsonl" "$pairs" "$vocabulary" "$longest"; }

# bench NAME OPTIONS...: one row
bench() {
  local name=$1 result
  shift
  result=$(btrm bench --device "$device" --shape "$shape" --data "$work/bench.jsonl" --batch-size "$batch" --steps "$timed" \
    --micro-token-budget 8192 --json "$@") || return 1
  row bench "\"side\":\"$name\",$(members "$result")"
  said+="${said:+; }$name $(field tokens_per_second "$result") tokens/s, $(field peak_memory_gib "$result") GiB"
  note "$said"
}

step_bench() {
  local said='' options bad=0
  bench_pairs
  bench btrm-no-sharing --no-prefix-sharing || bad=1
  bench btrm || bad=1
  options=$(btrm bench --help)
  if ! emulated && grep -q -- --gemm <<<"$options"; then
    bench btrm-cublaslt --no-prefix-sharing --gemm cublaslt || echo 'cuBLASLt is not usable here'
  fi
  return "$bad"
}

# The same job on PyTorch + transformers + PEFT in every mode that is installed; the rows carry the mode.
step_peer() {
  local python=${PEER_PYTHON:-python3} best='' line rate count=0
  if ! "$python" -c 'import torch, transformers' 2>/dev/null; then lacks "$python has no torch and transformers"; fi
  local where=cuda type=bfloat16
  if emulated; then where=cpu; elif ! "$python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())'; then lacks 'torch sees no GPU'; fi
  bench_pairs
  "$python" "$programs/peers/peer_train.py" --modes all --seconds 140 --shape "$shape" --data "$work/bench.jsonl" --device "$where" --dtype "$type" \
    --batch-size "$batch" --steps "$timed" >"$work/peer.jsonl"
  local code=$?
  cat "$work/peer.jsonl"
  while read -r line; do
    [[ $line == \{* ]] || continue
    row peer "\"side\":\"peer\",$(members "$line")"
    rate=$(field tokens_per_second "$line")
    [ -n "$rate" ] || continue
    count=$((count + 1))
    if [ -z "$best" ] || [ "${rate%.*}" -gt "${best%.*}" ]; then best=$rate; fi
  done <"$work/peer.jsonl"
  note "$count modes, best ${best:-none} tokens/s"
  [ "$count" -gt 0 ] && [ "$code" -eq 0 ]
}

# Every operation of this build against the CPU on this device, with its speed.
step_doctor() {
  local result code=0
  btrm doctor --help | grep -q -- --kernels || lacks 'this build has no doctor --kernels'
  result=$(btrm doctor --kernels --device "$device" --json) || code=$?
  printf '%s\n' "$result"
  row doctor-kernels "\"exit\":$code,\"report\":$(tr -d '\n' <<<"${result:-null}")"
  note "exit code $code"
  return "$code"
}

# What bounds the five dearest kernels: compute and memory shares of one launch each, from hardware counters.
step_profile() {
  local profiler kernels code=0
  profiler=$(command -v ncu || echo /usr/local/cuda/bin/ncu)
  if emulated; then lacks 'the emulator has no counters'; fi
  [ -x "$profiler" ] || lacks 'ncu is not installed'
  bench_pairs
  kernels='linear_forward_bf16|linear_backward_bf16|attention_forward_bf16_d128|attention_backward_bf16_d128_key|attention_backward_bf16_d128_query'
  # The clocks stay as they are; the second launch of each kernel, past the first one's cold caches.
  "$profiler" --clock-control none --kernel-id "::regex:^($kernels)\$:2" --csv --page raw --metrics \
    gpu__time_duration.sum,sm__throughput.avg.pct_of_peak_sustained_elapsed,dram__throughput.avg.pct_of_peak_sustained_elapsed,sm__inst_executed_pipe_tensor.sum,launch__registers_per_thread \
    "$programs/btrm" bench --device "$device" --shape "$shape" --data "$work/bench.jsonl" --batch-size 4 --steps 1 --warmup 0 \
    --micro-token-budget 8192 --json >"$work/ncu.csv" || code=$?
  cat "$work/ncu.csv"
  local line count=0
  while read -r line; do
    [[ $line =~ $kernels ]] || continue
    row profile "\"csv\":$(json_text "$line")"
    count=$((count + 1))
  done < <(grep '^"[0-9]' "$work/ncu.csv")
  note "$count kernels"
  [ "$code" -eq 0 ] && [ "$count" -gt 0 ]
}
