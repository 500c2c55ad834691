// Kernels that do one thing a thread at a time on values given by the host: functions, conversions, shuffles and cp.async
// (sm_80), so that the emulator can be compared with a GPU.
#include "common/async_copy.cuh"
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/reduce.cuh"

namespace {

RM_DEVICE float function(int which, float x) {
    switch (which) {
        case 0:
            return exp2f(x);
        case 1:
            return expf(x);
        case 2:
            return logf(x);
        case 3:
            return sqrtf(x);
        case 4:
            return 1.0f / sqrtf(x);
        case 5:
            return 1.0f / x;
        case 6:
            return fmaf(x, 1.000001f, -x);
        case 7:
            return fmaxf(x, 0.5f);
        case 8:
            return static_cast<float>(exp(static_cast<double>(x)));
        case 9:
            return static_cast<float>(log1p(static_cast<double>(x)));
        case 10:
            return static_cast<float>(sin(static_cast<double>(x)));
        default:
            return static_cast<float>(cos(static_cast<double>(x)));
    }
}

}  // namespace

// y[f, i] = f(x[i]); grid (functions), block any.
extern "C" __global__ void scalar_functions(GlobalPtr<const float> x, GlobalPtr<float> y, int32 count) {
    const int which = static_cast<int>(blockIdx.x);
    for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
        y[which * count + i] = function(which, x[i]);
    }
}

// rounded[i]: x[i] as bfloat16; pairs[i]: x[i] below x[i + 1] (the first after the last).
extern "C" __global__ void scalar_bfloat16(GlobalPtr<const float> x, GlobalPtr<uint32> rounded, GlobalPtr<uint32> pairs,
                                           int32 count) {
    for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
        const float value = x[i], next = x[(i + 1) % count];
        rounded[i] = to_bfloat16(value).bits;
        pairs[i] = to_bfloat16_pair(value, next);
    }
}

// y [7, 32]: x by way of lane ^ 1, 2, 4, 8, 16, lane * 5 % 32, and the butterfly sum. Block 32.
extern "C" __global__ void warp_shuffles(GlobalPtr<const float> x, GlobalPtr<float> y) {
    const int lane = static_cast<int>(threadIdx.x);
    const float value = x[lane];
    for (int i = 0; i < 5; i++) y[i * kWarpSize + lane] = __shfl_xor_sync(kFullWarp, value, 1 << i);
    y[5 * kWarpSize + lane] = __shfl_sync(kFullWarp, value, lane * 5 % kWarpSize);
    y[6 * kWarpSize + lane] = warp_sum(value);
}

// Thread i copies lane i % 5 quarters of its 16 bytes of `from` to `to`, by way of shared memory. Block 32.
extern "C" __global__ void async_copies(GlobalPtr<const float> from, GlobalPtr<float> to) {
    RM_SHARED(float, tile, kWarpSize * 4);
    const int lane = static_cast<int>(threadIdx.x);
    copy_async_16(tile + lane * 4, from + lane * 4, static_cast<uint32>(lane % 5) * 4);
    copy_async_commit();
    copy_async_wait<0>();
    for (int i = 0; i < 4; i++) to[lane * 4 + i] = tile[lane * 4 + i];
}

RM_KERNEL(scalar_functions, 128)
RM_KERNEL(scalar_bfloat16, 128)
RM_KERNEL(warp_shuffles, 32)
RM_KERNEL(async_copies, 32)
