// Sum of squares of a float32 buffer, for the global gradient norm.
//
//   stage 1: partial[b] = sum of values[i]^2 over the 65536 elements of chunk b      stage 2: sum[0] = sum_b partial[b]
//
// Shapes: values [count] float32; partial [ceil(count / 65536)], sum [1] float64. All =. Summed in double precision: squares of
// gradients leave float32's range before the gradients do, and the adds hide behind the reads even at 1/64 of the rate.
// Deterministic: chunks, strides and trees are fixed.
//
// Launch: stage 1 grid (ceil(count / 65536)), stage 2 grid (1), block 256. Not yet timed on a GPU.
#include "common/launch.cuh"
#include "common/memory.cuh"

namespace {

constexpr int kThreads = 256;
constexpr int64 kChunk = 65536;

/// The sum over the block, in thread 0.
RM_DEVICE double tree_sum(double value, SharedPtr<double> scratch) {
    const int thread = static_cast<int>(threadIdx.x);
    scratch[thread] = value;
    __syncthreads();
#pragma unroll
    for (int width = kThreads / 2; width > 0; width /= 2) {
        if (thread < width) scratch[thread] = scratch[thread] + scratch[thread + width];
        __syncthreads();
    }
    return scratch[0];
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    norm_forward_f32(GlobalPtr<const float> values, GlobalPtr<double> partial, int64 count) {
    RM_SHARED(double, scratch, kThreads);
    const int64 begin = blockIdx.x * kChunk, end = minimum(count, begin + kChunk);
    double sum = 0.0;
    for (int64 i = begin + threadIdx.x; i < end; i += kThreads) {
        const double value = values[i];
        sum += value * value;
    }
    sum = tree_sum(sum, scratch);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(kThreads)
    norm_forward_f32_reduce(GlobalPtr<const double> partial, GlobalPtr<double> sum, int32 count) {
    RM_SHARED(double, scratch, kThreads);
    double total = 0.0;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) total += partial[i];
    total = tree_sum(total, scratch);
    if (threadIdx.x == 0) sum[0] = total;
}

RM_KERNEL(norm_forward_f32, kThreads)
RM_KERNEL(norm_forward_f32_reduce, kThreads)
