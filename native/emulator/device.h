// What a kernel sees under the emulator in place of the CUDA compiler's built-ins. Included by common/platform.cuh only.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "emulator/async_copy.h"
#include "emulator/barrier.h"
#include "emulator/block.h"
#include "emulator/bulk_copy.h"
#include "emulator/collective.h"
#include "emulator/defect.h"
#include "emulator/global_memory.h"
#include "emulator/kernel_registry.h"
#include "emulator/mbarrier.h"
#include "emulator/pointers.h"
#include "emulator/warp.h"
#include "emulator/wgmma.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

#define threadIdx (::emu::current_thread->index)
#define blockIdx (::emu::current_block->index)
#define blockDim (::emu::current_block->launch->block)
#define gridDim (::emu::current_block->launch->grid)

inline void __syncthreads(emu::Where where = emu::Where::here()) {
    emu::block_barrier(where);
}

inline void __syncwarp(std::uint32_t mask = 0xFFFFFFFFu, emu::Where where = emu::Where::here()) {
    emu::warp_barrier(mask, where);
}

// Orders memory on a GPU; here every access is at once visible to all threads.
inline void __threadfence() {}
inline void __threadfence_block() {}

template <typename T>
T __shfl_sync(std::uint32_t mask, T value, int source, int width = 32, emu::Where where = emu::Where::here()) {
    return emu::shuffle(emu::ShuffleKind::Index, mask, value, source, width, where);
}

template <typename T>
T __shfl_up_sync(std::uint32_t mask, T value, unsigned delta, int width = 32, emu::Where where = emu::Where::here()) {
    return emu::shuffle(emu::ShuffleKind::Up, mask, value, static_cast<int>(delta), width, where);
}

template <typename T>
T __shfl_down_sync(std::uint32_t mask, T value, unsigned delta, int width = 32, emu::Where where = emu::Where::here()) {
    return emu::shuffle(emu::ShuffleKind::Down, mask, value, static_cast<int>(delta), width, where);
}

template <typename T>
T __shfl_xor_sync(std::uint32_t mask, T value, int lanes, int width = 32, emu::Where where = emu::Where::here()) {
    return emu::shuffle(emu::ShuffleKind::Xor, mask, value, lanes, width, where);
}

inline std::uint32_t __ballot_sync(std::uint32_t mask, int predicate, emu::Where where = emu::Where::here()) {
    return emu::ballot("ballot.sync", mask, predicate != 0, where).votes;
}

inline int __any_sync(std::uint32_t mask, int predicate, emu::Where where = emu::Where::here()) {
    return emu::ballot("vote.any.sync", mask, predicate != 0, where).votes != 0 ? 1 : 0;
}

inline int __all_sync(std::uint32_t mask, int predicate, emu::Where where = emu::Where::here()) {
    emu::Ballot result = emu::ballot("vote.all.sync", mask, predicate != 0, where);
    return result.votes == result.lanes ? 1 : 0;
}

inline std::uint32_t __float_as_uint(float value) {
    return std::bit_cast<std::uint32_t>(value);
}

// Never contracted with what comes before or after (the emulator is compiled with -ffp-contract=off).
inline float __fmul_rn(float a, float b) {
    return a * b;
}

inline float __fadd_rn(float a, float b) {
    return a + b;
}

inline float __uint_as_float(std::uint32_t bits) {
    return std::bit_cast<float>(bits);
}

inline int __popc(std::uint32_t value) {
    return std::popcount(value);
}

inline int __ffs(int value) {
    return value == 0 ? 0 : std::countr_zero(static_cast<std::uint32_t>(value)) + 1;
}

inline int __clz(int value) {
    return std::countl_zero(static_cast<std::uint32_t>(value));
}

inline float rsqrtf(float value) {
    return 1.0f / std::sqrt(value);
}
