// Random numbers for benchmarks: weights of a shape without a checkpoint, made where they are used.
//
//   x[t, c] = scale * (u - 1/2),   u uniform in [0, 1) from a counter: Philox4x32-10 (common/dropout.cuh) with the seed as key
//   and (c / 4, 0, t, 0) as counter; word c % 4, its upper 24 bits.
//
// Shapes: x [rows, columns] with ld elements between rows, float32 or bfloat16 (the kernel's suffix). Output: x =. Deterministic.
//
// Launch: grid (rows, ceil(columns / (4 * 256))), block 256; a thread makes four numbers. Not yet timed on a GPU.
#include "common/dropout.cuh"
#include "common/launch.cuh"

namespace {

constexpr int kThreads = 256;

template <typename T>
RM_DEVICE void fill(GlobalPtr<T> x, int columns, int ld, float scale, uint64 seed) {
    const int block = static_cast<int>(blockIdx.y * kThreads + threadIdx.x), first = 4 * block;
    if (first >= columns) return;
    uint32 words[4];
    draw_words(seed, 0, blockIdx.x, static_cast<uint32>(block), words);
    const GlobalPtr<T> row = x + static_cast<int64>(blockIdx.x) * ld;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float u = static_cast<float>(words[i] >> 8) * (1.0f / 16777216.0f);
        if (first + i < columns) row[first + i] = from_float<T>(scale * (u - 0.5f));
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    random_forward_bf16(GlobalPtr<bfloat16> x, int32 columns, int32 ld, float scale, uint64 seed) {
    fill(x, columns, ld, scale, seed);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    random_forward_f32(GlobalPtr<float> x, int32 columns, int32 ld, float scale, uint64 seed) {
    fill(x, columns, ld, scale, seed);
}

RM_KERNEL(random_forward_bf16, kThreads)
RM_KERNEL(random_forward_f32, kThreads)
