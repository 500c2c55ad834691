// Sums over a warp and over a block, in an order that depends on the number of threads alone.
#pragma once

#include "common/memory.cuh"

/// The sum over the lanes of a full warp, in every lane (butterfly).
RM_DEVICE float warp_sum(float value) {
#pragma unroll
    for (int lanes = kWarpSize / 2; lanes > 0; lanes /= 2) value += __shfl_xor_sync(kFullWarp, value, lanes);
    return value;
}

/// The sum over the block, in every thread. blockDim.x is a multiple of 32, at most 1024; the block is one-dimensional.
/// `scratch` has 32 floats; the caller does not touch it between two sums.
RM_DEVICE float block_sum(float value, SharedPtr<float> scratch) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const int warps = static_cast<int>(blockDim.x) / kWarpSize;
    value = warp_sum(value);
    __syncthreads();  // the previous sum has been read
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    float partial = 0.0f;
    if (lane < warps) partial = scratch[lane];
    return warp_sum(partial);
}
