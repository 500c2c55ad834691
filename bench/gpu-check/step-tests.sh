# The test programs on the device.
# shellcheck shell=bash

# Rewards and gradients of models that Hugging Face transformers + PEFT computed, in bfloat16 and float32.
step_golden() {
  # On the emulator one model: the test suite runs all of them.
  if emulated; then
    run_tests Rm.Host.Tests -method '*CudaGoldenCaseTests.The_same_step_twice*'
  else
    run_tests Rm.Host.Tests -class '*CudaGoldenCaseTests'
  fi
}

# The emulator has run all cases in the test suite; here a few show that this program works.
few_cases() { ! emulated || export BTRM_TEST_CASES=${GPU_CHECK_CASES:-rms_norm forward T=5,rope_apply heads=3,swiglu T=2,linear T=17 ,attention one token H=3}; }

# Every operation against its reference at odd and real shapes, with our own products; then what launchers promise, in processes of their own.
step_own() {
  local bad=0
  few_cases
  run_cases CudaConformanceTests || bad=1
  run_tests Rm.Kernels.Tests -class '*CudaLoraLinearTests' -class '*CudaAttentionTests' -class '*CudaLinearTests' || bad=1
  return "$bad"
}

# The same for the products of Hopper: apart, because they have never run, and a fault there shall not spoil the others.
step_wgmma() {
  local bad=0
  [ "$(capability)" = 9.0 ] || lacks "compute capability $(capability) has no wgmma"
  few_cases
  run_cases HopperConformanceTests || bad=1
  run_tests Rm.Kernels.Tests -class '*CudaHopperLinearTests' || bad=1
  return "$bad"
}

# What single instructions give on this GPU, to compare the emulator with. Not a verdict about btrm.
step_instructions() {
  export BTRM_RECORD_INSTRUCTIONS=$out/instructions.jsonl
  run_tests Rm.Kernels.Tests -method '*InstructionVectorTests.Record*'
}

# Memory errors and races as the vendor's tool sees them. It slows kernels down a hundredfold: few and small cases.
step_sanitizer() {
  local checker tool problems=0 done_tools=''
  checker=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
  if emulated; then lacks 'the emulator checks memory and races itself'; fi
  [ -x "$checker" ] || lacks 'compute-sanitizer is not installed'
  local -a selection
  select_tests
  export BTRM_TEST_CASES='rms_norm forward T=5,rms_norm backward T=4,head_norm backward T=5,rope_apply heads=3,swiglu T=2 ,gather_scatter C=13,embedding C=8,reward_head R=1 ,pair_loss N=7 beta=1,adamw step=2 beta1=0.9,norm P=17,attention one token H=3,attention one pair H=3,linear T=29,linear T=17 ,linear T=37,lora products'
  for tool in memcheck racecheck synccheck; do
    # A third of the step's own limit each, so that the last one ends within it.
    if timeout $((GPU_CHECK_LIMIT / 3 - 1)) "$checker" --tool "$tool" --error-exitcode 9 --print-limit 20 "$programs/tests/Rm.Kernels.Tests" \
      -class '*CudaConformanceTests' "${selection[@]}" -noColor; then
      done_tools+=" $tool:clean"
    else
      local code=$?
      if [ "$code" -eq 124 ]; then done_tools+=" $tool:did-not-end-in-time" problems=1; else done_tools+=" $tool:code-$code" problems=1; fi
    fi
    note "${done_tools# }"
  done
  return "$problems"
}
