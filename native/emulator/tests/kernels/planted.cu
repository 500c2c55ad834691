// Kernels with a defect each, beside a sound twin: the emulator must report the one by name and pass the other.
// Every kernel takes the flag `sound`; 0 takes the defective path.
#include "common/async_copy.cuh"
#include "common/atomic.cuh"
#include "common/barrier.cuh"
#include "common/bulk_copy.cuh"
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/tensor_core.cuh"
#include "common/wgmma.cuh"

// Each thread reads what its neighbour wrote.
extern "C" __global__ void planted_missing_syncthreads(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(float, values, 128);
    const uint32 i = threadIdx.x;
    values[i] = static_cast<float>(i);
    if (sound != 0) __syncthreads();
    out[i] = values[(i + 33) % 128];
}

// The loop overwrites what others may still be reading.
extern "C" __global__ void planted_missing_second_syncthreads(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(float, values, 128);
    const uint32 i = threadIdx.x;
    float sum = 0.0f;
    for (int round = 0; round < 3; round++) {
        values[i] = static_cast<float>(round);
        __syncthreads();
        sum += values[127 - i];
        if (sound != 0) __syncthreads();
    }
    out[i] = sum;
}

// Lanes of one warp exchange through shared memory without a warp barrier.
extern "C" __global__ void planted_missing_syncwarp(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(float, values, 32);
    values[threadIdx.x] = 1.0f;
    if (sound != 0) __syncwarp();
    out[threadIdx.x] = values[31 - threadIdx.x];
}

extern "C" __global__ void planted_missing_copy_wait(GlobalPtr<const bfloat16> in, GlobalPtr<float> out, int32 sound) {
    RM_SHARED(bfloat16, tile, 256);
    const SharedPtr<bfloat16> own = tile + threadIdx.x * 8;
    copy_async_16(own, in + threadIdx.x * 8);
    copy_async_commit();
    if (sound != 0) copy_async_wait<0>();
    out[threadIdx.x] = to_float(own[0]);
    copy_async_wait<0>();
}

// The wait leaves one group too many outstanding.
extern "C" __global__ void planted_copy_wait_too_weak(GlobalPtr<const bfloat16> in, GlobalPtr<float> out, int32 sound) {
    RM_SHARED(bfloat16, tile, 512);
    const SharedPtr<bfloat16> first = tile + threadIdx.x * 8, second = tile + 256 + threadIdx.x * 8;
    copy_async_16(first, in + threadIdx.x * 8);
    copy_async_commit();
    copy_async_16(second, in + threadIdx.x * 8);
    copy_async_commit();
    copy_async_wait<1>();
    if (sound != 0) copy_async_wait<0>();
    out[threadIdx.x] = to_float(second[0]);
    copy_async_wait<0>();
}

extern "C" __global__ void planted_copy_never_waited(GlobalPtr<const bfloat16> in, int32 sound) {
    RM_SHARED(bfloat16, tile, 256);
    copy_async_16(tile + threadIdx.x * 8, in + threadIdx.x * 8);
    copy_async_commit();
    if (sound != 0) copy_async_wait<0>();
}

// Waited for, but only by the thread that copied: the others need a barrier.
extern "C" __global__ void planted_copy_without_barrier(GlobalPtr<const bfloat16> in, GlobalPtr<float> out, int32 sound) {
    RM_SHARED(bfloat16, tile, 256);
    copy_async_16(tile + threadIdx.x * 8, in + threadIdx.x * 8);
    copy_async_commit();
    copy_async_wait<0>();
    if (sound != 0) __syncthreads();
    out[threadIdx.x] = to_float(tile[255 - threadIdx.x * 8]);
}

// Two rounds through one mbarrier; the defect waits for parity 0 both times.
extern "C" __global__ void planted_missing_phase_flip(GlobalPtr<const bfloat16> in, GlobalPtr<float> out, int32 sound) {
    RM_SHARED(bfloat16, tile, 256);
    RM_SHARED(uint64, object, 1);
    if (threadIdx.x == 0) {
        mbarrier_init(object, 1);
        fence_mbarrier_init();
    }
    __syncthreads();
    float sum = 0.0f;
    for (uint32 round = 0; round < 2; round++) {
        if (threadIdx.x == 0) {
            mbarrier_arrive_expect(object, 512);
            bulk_load(tile, in + round * 256, 512, object);
        }
        mbarrier_wait(object, sound != 0 ? round : 0);
        sum += to_float(tile[threadIdx.x]);
        __syncthreads();
    }
    out[threadIdx.x] = sum;
}

// The barrier expects more bytes than the copy brings.
extern "C" __global__ void planted_wrong_expected_bytes(GlobalPtr<const bfloat16> in, GlobalPtr<float> out, int32 sound) {
    RM_SHARED(bfloat16, tile, 256);
    RM_SHARED(uint64, object, 1);
    if (threadIdx.x == 0) mbarrier_init(object, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect(object, sound != 0 ? 512 : 528);
        bulk_load(tile, in, 512, object);
    }
    mbarrier_wait(object, 0);
    out[threadIdx.x] = to_float(tile[threadIdx.x]);
}

extern "C" __global__ void planted_mbarrier_without_sync(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(uint64, object, 1);
    if (threadIdx.x == 0) mbarrier_init(object, 64);
    if (sound != 0) __syncthreads();
    mbarrier_arrive(object);
    mbarrier_wait(object, 0);
    out[threadIdx.x] = 1.0f;
}

extern "C" __global__ void planted_shuffle_under_divergence(GlobalPtr<float> out, int32 sound) {
    float value = static_cast<float>(threadIdx.x);
    if (sound != 0 || threadIdx.x < 16) value = __shfl_xor_sync(kFullWarp, value, 1);
    out[threadIdx.x] = value;
}

// Both branches shuffle, each with the full mask: not the same instruction.
extern "C" __global__ void planted_shuffle_in_branches(GlobalPtr<float> out, int32 sound) {
    float value = static_cast<float>(threadIdx.x);
    if (sound != 0 || threadIdx.x < 16) {
        value = __shfl_xor_sync(kFullWarp, value, 1);
    } else {
        value = 2.0f * __shfl_xor_sync(kFullWarp, value, 1);
    }
    out[threadIdx.x] = value;
}

extern "C" __global__ void planted_shuffle_outside_mask(GlobalPtr<float> out, int32 sound) {
    float value = static_cast<float>(threadIdx.x);
    if (threadIdx.x < 16) value = __shfl_sync(0xFFFFu, value, sound != 0 ? 3 : 20);
    out[threadIdx.x] = value;
}

extern "C" __global__ void planted_divergent_barrier(GlobalPtr<float> out, int32 sound) {
    if (sound != 0 || threadIdx.x < 40) __syncthreads();
    out[threadIdx.x] = 1.0f;
}

extern "C" __global__ void planted_barrier_in_branches(GlobalPtr<float> out, int32 sound) {
    if (sound != 0 || threadIdx.x < 32) {
        __syncthreads();
    } else {
        __syncthreads();
    }
    out[threadIdx.x] = 1.0f;
}

// A named barrier whose producers say 64 threads and whose consumers say 96.
extern "C" __global__ void planted_named_barrier_counts(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(float, values, 32);
    if (threadIdx.x < 32) {
        values[threadIdx.x] = 1.0f;
        named_barrier_arrive(1, 64);
    } else if (threadIdx.x < 64) {
        named_barrier_sync(1, sound != 0 ? 64 : 96);
        out[threadIdx.x] = values[threadIdx.x - 32];
    }
}

extern "C" __global__ void planted_global_bounds(GlobalPtr<float> out, int32 count, int32 sound) {
    const int32 i = static_cast<int32>(threadIdx.x);
    if (sound != 0 ? i < count : i <= count) out[i] = 1.0f;
}

extern "C" __global__ void planted_global_bounds_read(GlobalPtr<const float> in, GlobalPtr<float> out, int32 count, int32 sound) {
    const int32 i = static_cast<int32>(threadIdx.x);
    if (i < count) out[i] = in[sound != 0 ? i : i + 1];
}

extern "C" __global__ void planted_shared_bounds(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(float, values, 32);
    values[threadIdx.x + (sound != 0 ? 0 : 1)] = 1.0f;
    __syncthreads();
    out[threadIdx.x] = values[31];
}

extern "C" __global__ void planted_dynamic_shared_bounds(GlobalPtr<float> out, int32 sound) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<float> values = shared_cast<float>(memory);
    values[threadIdx.x + (sound != 0 ? 0 : 1)] = 1.0f;
    __syncthreads();
    out[threadIdx.x] = values[31];
}

extern "C" __global__ void planted_misaligned_packet(GlobalPtr<const bfloat16> in, GlobalPtr<float> out, int32 sound) {
    const Packet<bfloat16> packet = load_packet(in + threadIdx.x * 8 + (sound != 0 ? 0 : 4));
    out[threadIdx.x] = low_to_float(packet.words[0]);
}

extern "C" __global__ void planted_misaligned_shared_packet(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(float, values, 64);
    values[threadIdx.x] = 1.0f;
    values[threadIdx.x + 32] = 1.0f;
    __syncwarp();
    const Packet<float> packet = load_packet(values + (sound != 0 ? 4 : 5));
    out[threadIdx.x] = __uint_as_float(packet.words[0]);
}

// Right on a GPU; the emulator's notes are of two bytes, and it must not take one for both.
extern "C" __global__ void planted_single_shared_byte(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(uint8, bytes, 128);
    const SharedPtr<float> values = shared_cast<float>(bytes);
    values[threadIdx.x] = 1.0f;
    __syncwarp();
    if (sound != 0) {
        out[threadIdx.x] = values[threadIdx.x];
    } else {
        const uint8 byte = bytes[threadIdx.x];
        out[threadIdx.x] = static_cast<float>(byte);
    }
}

extern "C" __global__ void planted_unwritten_shared(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(float, values, 32);
    if (sound != 0 || threadIdx.x != 7) values[threadIdx.x] = 1.0f;
    out[threadIdx.x] = values[threadIdx.x];
}

// The count is complete only after a barrier.
extern "C" __global__ void planted_atomic_without_barrier(GlobalPtr<float> out, int32 sound) {
    RM_SHARED(uint32, count, 1);
    if (threadIdx.x == 0) count[0] = 0;
    __syncthreads();
    atomic_add(count + 0, 1u);
    if (sound != 0) __syncthreads();
    const uint32 all = count[0];
    out[threadIdx.x] = static_cast<float>(all);
}

extern "C" __global__ void planted_unwritten_global(GlobalPtr<const float> in, GlobalPtr<float> out) {
    out[threadIdx.x] = in[threadIdx.x];
}

// The accumulators of m16n8k16 to a row-major [16, 8]; the defect swaps the two halves of the fragment.
extern "C" __global__ void planted_fragment_order(GlobalPtr<float> out, int32 sound) {
    Fragment<uint32, 4> a;
    Fragment<uint32, 2> b;
    Fragment<float, 4> d;
    const int32 lane = static_cast<int32>(threadIdx.x);
    for (int i = 0; i < 4; i++) {
        a[i] = to_bfloat16_pair(static_cast<float>(lane / 4 + 8 * (i % 2)), 0.0f);
        d[i] = 0.0f;
    }
    for (int i = 0; i < 2; i++) b[i] = to_bfloat16_pair(1.0f, 1.0f);
    multiply_m16n8k16(d, a, b);
    for (int i = 0; i < 4; i++) {
        const int32 row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        out[row * 8 + column] = d[sound != 0 ? i : (i + 2) % 4];
    }
}

extern "C" __global__ void planted_fragment_index(GlobalPtr<float> out, int32 sound) {
    Fragment<float, 4> d;
    for (int i = 0; i < 4; i++) d[i] = 1.0f;
    float sum = 0.0f;
    for (int i = 0; i < (sound != 0 ? 4 : 5); i++) sum += d[i];
    out[threadIdx.x] = sum;
}

// One product of a warpgroup on a tile of ones; the defect reads the accumulators before the wait.
extern "C" __global__ void planted_wgmma_not_waited(GlobalPtr<float> out, int32 sound) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> tile = shared_cast<bfloat16>(memory);
    for (uint32 i = threadIdx.x; i < 64 * 16; i += 128) tile[i] = to_bfloat16(1.0f);
    fence_async_shared();
    __syncthreads();
    const uint64 operand = operand_descriptor(tile, 128, 256, OperandSwizzle::kNone);
    Fragment<float, 32> sums;
    wgmma_fence();
    multiply_warpgroup<64>(sums, operand, operand, false);
    wgmma_commit();
    if (sound != 0) wgmma_wait<0>();
    out[threadIdx.x] = sums[0];
    wgmma_wait<0>();
}

// The defect overwrites an operand while the product may still read it.
extern "C" __global__ void planted_wgmma_operand_reused(GlobalPtr<float> out, int32 sound) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> tile = shared_cast<bfloat16>(memory);
    for (uint32 i = threadIdx.x; i < 64 * 16; i += 128) tile[i] = to_bfloat16(1.0f);
    __syncthreads();
    const uint64 operand = operand_descriptor(tile, 128, 256, OperandSwizzle::kNone);
    Fragment<float, 32> sums;
    wgmma_fence();
    multiply_warpgroup<64>(sums, operand, operand, false);
    wgmma_commit();
    if (sound != 0) wgmma_wait<0>();
    __syncthreads();
    tile[threadIdx.x] = to_bfloat16(2.0f);
    wgmma_wait<0>();
    out[threadIdx.x] = sums[0];
}

extern "C" __global__ void planted_wgmma_fence_missing(GlobalPtr<float> out, int32 sound) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> tile = shared_cast<bfloat16>(memory);
    for (uint32 i = threadIdx.x; i < 64 * 16; i += 128) tile[i] = to_bfloat16(1.0f);
    __syncthreads();
    const uint64 operand = operand_descriptor(tile, 128, 256, OperandSwizzle::kNone);
    Fragment<float, 32> sums;
    wgmma_fence();
    for (int i = 0; i < 32; i++) sums[i] = 1.0f;
    if (sound != 0) wgmma_fence();
    multiply_warpgroup<64>(sums, operand, operand, true);
    wgmma_commit();
    wgmma_wait<0>();
    out[threadIdx.x] = sums[0];
}

RM_KERNEL(planted_missing_syncthreads)
RM_KERNEL(planted_missing_second_syncthreads)
RM_KERNEL(planted_missing_syncwarp)
RM_KERNEL(planted_missing_copy_wait)
RM_KERNEL(planted_copy_wait_too_weak)
RM_KERNEL(planted_copy_never_waited)
RM_KERNEL(planted_copy_without_barrier)
RM_KERNEL(planted_missing_phase_flip)
RM_KERNEL(planted_wrong_expected_bytes)
RM_KERNEL(planted_mbarrier_without_sync)
RM_KERNEL(planted_shuffle_under_divergence)
RM_KERNEL(planted_shuffle_in_branches)
RM_KERNEL(planted_shuffle_outside_mask)
RM_KERNEL(planted_divergent_barrier)
RM_KERNEL(planted_barrier_in_branches)
RM_KERNEL(planted_named_barrier_counts)
RM_KERNEL(planted_global_bounds)
RM_KERNEL(planted_global_bounds_read)
RM_KERNEL(planted_shared_bounds)
RM_KERNEL(planted_dynamic_shared_bounds)
RM_KERNEL(planted_misaligned_packet)
RM_KERNEL(planted_misaligned_shared_packet)
RM_KERNEL(planted_single_shared_byte)
RM_KERNEL(planted_unwritten_shared)
RM_KERNEL(planted_atomic_without_barrier)
RM_KERNEL(planted_unwritten_global)
RM_KERNEL(planted_fragment_order)
RM_KERNEL(planted_fragment_index)
RM_KERNEL(planted_wgmma_not_waited)
RM_KERNEL(planted_wgmma_operand_reused)
RM_KERNEL(planted_wgmma_fence_missing)
