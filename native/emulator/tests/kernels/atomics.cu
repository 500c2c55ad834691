// Atomic operations across the threads of a block and across blocks.
#include "common/atomic.cuh"
#include "common/launch.cuh"
#include "common/memory.cuh"

// Counts values [blocks * 128], each below 8, into counts [8] += , by way of a count in shared memory; the last block to finish
// writes their sum to total.
extern "C" __global__ void atomic_histogram(GlobalPtr<const uint32> values, GlobalPtr<uint32> counts, GlobalPtr<uint32> finished,
                                            GlobalPtr<uint32> total) {
    RM_SHARED(uint32, own, 8);
    RM_SHARED(uint32, is_last, 1);
    if (threadIdx.x < 8) own[threadIdx.x] = 0;
    __syncthreads();
    const uint32 value = values[blockIdx.x * blockDim.x + threadIdx.x];
    atomic_add(own + value, 1u);
    __syncthreads();
    if (threadIdx.x < 8) {
        const uint32 count = own[threadIdx.x];
        atomic_add(counts + threadIdx.x, count);
        __threadfence();
    }
    __syncthreads();
    if (threadIdx.x == 0) is_last[0] = atomic_add(finished, 1u) == gridDim.x - 1 ? 1 : 0;
    __syncthreads();
    if (is_last[0] == 0 || threadIdx.x != 0) return;
    uint32 sum = 0;
    for (int i = 0; i < 8; i++) sum += atomic_add(counts + i, 0u);
    total[0] = sum;
}

// A lock taken by compare-and-exchange around an addition that is not atomic.
extern "C" __global__ void atomic_lock(GlobalPtr<uint32> lock, GlobalPtr<uint32> sum) {
    if (threadIdx.x % 32 != 0) return;
    while (atomic_compare_exchange(lock, 0u, 1u) != 0u) {
    }
    __threadfence();
    const uint32 before = sum[0];
    sum[0] = before + 1;
    __threadfence();
    atomic_compare_exchange(lock, 1u, 0u);
}

RM_KERNEL(atomic_histogram)
RM_KERNEL(atomic_lock)
