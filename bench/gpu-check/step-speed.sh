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
  local said='' bad=0
  bench_pairs
  bench btrm || bad=1
  bench btrm-no-sharing --no-prefix-sharing || bad=1
  if [ "$(capability)" = 9.0 ]; then bench btrm-wgmma --gemm wgmma || echo 'the products of Hopper do not run'; fi
  if ! emulated; then bench btrm-cublaslt --no-prefix-sharing --gemm cublaslt || echo 'cuBLASLt is not usable here'; fi
  return "$bad"
}

# Products of the ladder in docs/performance.md, one row a shape and kernel.
step_ladder() {
  local line count=0 options=(--filter linear_)
  if emulated; then options=(--filter rms_norm --repeats 1); fi
  while read -r line; do
    [[ $line == \{* ]] || continue
    row ladder "$(members "$line")"
    count=$((count + 1))
  done < <("$programs/tests/Rm.Bench" kernels "${options[@]}" --jsonl "$work/ladder.jsonl" >&2; cat "$work/ladder.jsonl")
  note "$count rows"
  [ "$count" -gt 0 ]
}

# The same job on PyTorch + transformers + PEFT in every mode that is installed; the rows carry the mode and come as they are measured.
step_peer() {
  local python=${PEER_PYTHON:-python3} best='' line rate count=0
  if ! "$python" -c 'import torch, transformers' 2>/dev/null; then lacks "$python has no torch and transformers"; fi
  local where=cuda type=bfloat16
  if emulated; then where=cpu; elif ! "$python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())'; then lacks 'torch sees no GPU'; fi
  bench_pairs
  while read -r line; do
    printf '%s\n' "$line"
    [[ $line == \{* ]] || continue
    row peer "\"side\":\"peer\",$(members "$line")"
    rate=$(field tokens_per_second "$line")
    [ -n "$rate" ] || continue
    count=$((count + 1))
    if [ -z "$best" ] || [ "${rate%.*}" -gt "${best%.*}" ]; then best=$rate; fi
    note "$count modes, best $best tokens/s"
  done < <("$python" "$tree/bench/peers/peer_train.py" --modes all --seconds $((GPU_CHECK_LIMIT - 15)) --shape "$shape" --data "$work/bench.jsonl" \
    --device "$where" --dtype "$type" --batch-size "$batch" --steps "$timed")
  [ "$count" -gt 0 ]
}

# Every operation of this build against the CPU on this device, with its speed.
step_doctor() {
  local result code gemm bad=0 gemms=own
  [ "$(capability)" != 9.0 ] || gemms='own wgmma'
  for gemm in $gemms; do
    code=0
    result=$(btrm doctor --kernels --device "$device" --gemm "$gemm" --json) || code=$?
    printf '%s\n' "$result"
    row doctor-kernels "\"gemm\":\"$gemm\",\"exit\":$code,\"report\":$(tr -d '\n' <<<"${result:-null}")"
    add_note "$gemm: exit code $code"
    [ "$code" -eq 0 ] || bad=1
  done
  return "$bad"
}

# What bounds the five dearest kernels: compute and memory shares of one launch each, from hardware counters.
step_profile() {
  local profiler kernels code=0
  profiler=$(command -v ncu || echo /usr/local/cuda/bin/ncu)
  if emulated; then lacks 'the emulator has no counters'; fi
  [ -x "$profiler" ] || lacks 'ncu is not installed'
  bench_pairs
  kernels='linear_forward_bf16|linear_backward_bf16|linear_forward_bf16_wgmma|linear_forward_bf16_wgmma_swiglu|linear_backward_bf16_wgmma|attention_forward_bf16_d128|attention_backward_bf16_d128_key|attention_backward_bf16_d128_query'
  local gemm=own
  [ "$(capability)" != 9.0 ] || gemm=wgmma
  # The clocks stay as they are; the second launch of each kernel, past the first one's cold caches.
  "$profiler" --clock-control none --kernel-id "::regex:^($kernels)\$:2" --csv --page raw --metrics \
    gpu__time_duration.sum,sm__throughput.avg.pct_of_peak_sustained_elapsed,dram__throughput.avg.pct_of_peak_sustained_elapsed,sm__inst_executed_pipe_tensor.sum,launch__registers_per_thread \
    "$programs/btrm" bench --device "$device" --shape "$shape" --data "$work/bench.jsonl" --batch-size 4 --steps 1 --warmup 0 \
    --micro-token-budget 8192 --gemm "$gemm" --json >"$work/ncu.csv" || code=$?
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
