// Register budgets of warpgroups (sm_90a, setmaxnreg): in a warp-specialised block the warps that only issue copies hand
// registers to those that hold accumulators.
//
// Contract: every warp of the warpgroup executes the same call, once, first thing in its role; the kernel has a register bound at
// entry (__launch_bounds__(threads, 1)), all shares together are at most 65536 registers a block, counts are multiples of 8 from
// 24 to 256. take_registers waits until the pool has them, so somebody must give.
#pragma once

#include "common/platform.cuh"

constexpr int kWarpgroupSize = 4 * kWarpSize;

#ifdef RM_EMULATOR

// Threads have no registers to run out of here.
template <int kRegisters>
inline void give_registers() {}
template <int kRegisters>
inline void take_registers() {}

#elif defined(__CUDA_ARCH_FEAT_SM90_ALL)

/// Lowers the warp's registers a thread to kRegisters.
template <int kRegisters>
RM_DEVICE void give_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

/// Raises the warp's registers a thread to kRegisters.
template <int kRegisters>
RM_DEVICE void take_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

#endif
