// Named barriers, for groups of warps inside a block that meet without the others (warp specialisation).
#pragma once

#include "common/platform.cuh"

#ifdef RM_EMULATOR

/// Waits until `threads` threads (whole warps) have arrived at barrier `id`, 1 to 15; 0 is that of __syncthreads.
inline void named_barrier_sync(uint32 id, uint32 threads, ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->barriers->sync(id, threads, where);
}

/// Arrives without waiting: counts towards the same `threads`.
inline void named_barrier_arrive(uint32 id, uint32 threads, ::emu::Where where = ::emu::Where::here()) {
    ::emu::current_block->barriers->arrive(id, threads, where);
}

#else

RM_DEVICE void named_barrier_sync(uint32 id, uint32 threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

RM_DEVICE void named_barrier_arrive(uint32 id, uint32 threads) {
    asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

#endif
