// Gradients of a trained linear layer's weight and bias: products over all tokens.
//
//   dw[n,c] += sum_t dy[t,n] x[t,c]                                              (tensor cores of sm_80 and later; dw [N, C])
//   partial[s,n] = sum over the tokens t of split s of dy[t,n]                   (bias; lora_gradient_backward_f32_reduce adds
//   the splits)
//
// Shapes: dy [T, N], x [T, C] of the storage type (the kernel's suffix) with row strides; dw [N, C] float32, adjacent rows, +=;
// partial [splits, N] float32, =. Sums in float32 in order of t; the splits depend on T and N alone: deterministic.
//
// Launch: dw: grid (ceil(C / 128), ceil(N / 128)), block 256, 65536 bytes of dynamic shared memory; dy, x and their rows start at
// multiples of 16 bytes. Bias: grid (ceil(N / 128), splits), block 128. Not yet timed on a GPU.
#include "common/chunk.cuh"
#include "common/launch.cuh"
#include "common/tensor_core.cuh"

struct WeightGradientArgs {
    GlobalPtr<const bfloat16> dy;
    GlobalPtr<const bfloat16> x;
    GlobalPtr<float> dw;
    int32 rows;
    int32 outputs;
    int32 inputs;
    int32 lddy;
    int32 ldx;
};

template <typename T>
struct BiasGradientOf {
    GlobalPtr<const T> dy;
    GlobalPtr<float> partial;
    int32 rows;
    int32 columns;
    int32 lddy;
    int32 rows_per_split;
};
using BiasGradientArgs = BiasGradientOf<bfloat16>;

namespace {

constexpr int kTile = 128, kTileK = 32;  // outputs and inputs, tokens
constexpr int kStages = 4, kThreads = 256, kBiasThreads = 128;
constexpr int kWarpM = 64, kWarpN = 32;  // 2 x 4 warps
constexpr int kTileElements = kTile * kTileK, kStageElements = 2 * kTileElements;

RM_DEVICE void copy_stage(SharedPtr<bfloat16> stage, const WeightGradientArgs& args, int first_m, int first_n, int t) {
#pragma unroll
    for (int i = static_cast<int>(threadIdx.x); i < kTileElements / kChunk; i += kThreads) {
        const int row = i / (kTile / kChunk), chunk = i % (kTile / kChunk), at = chunk_at<kTile>(row, chunk);
        copy_chunk(stage + at, args.dy, t + row, first_m + chunk * kChunk, args.rows, args.outputs, args.lddy);
        copy_chunk(stage + kTileElements + at, args.x, t + row, first_n + chunk * kChunk, args.rows, args.inputs, args.ldx);
    }
}

// sums += the products of one stage, for the warp's 64 x 32 part. Both operands lie with tokens as rows: ldmatrix transposes
// them.
RM_DEVICE void multiply_stage(SharedPtr<bfloat16> stage, int warp_m, int warp_n, int lane, Fragment<float, 4> (&sums)[4][4]) {
#pragma unroll
    for (int k = 0; k < kTileK; k += 16) {
        Fragment<uint32, 4> a[4];
        Fragment<uint32, 2> b[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int chunk = (warp_m + i * 16) / kChunk + lane / 8 % 2;
            load_matrices_transposed<4>(a[i], stage + chunk_at<kTile>(k + lane / 16 * 8 + lane % 8, chunk));
        }
#pragma unroll
        for (int pair = 0; pair < 2; pair++) {
            const int chunk = (warp_n + pair * 16) / kChunk + lane / 16;
            Fragment<uint32, 4> words;
            load_matrices_transposed<4>(words, stage + kTileElements + chunk_at<kTile>(k + lane % 16, chunk));
            b[2 * pair][0] = words[0];
            b[2 * pair][1] = words[1];
            b[2 * pair + 1][0] = words[2];
            b[2 * pair + 1][1] = words[3];
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) multiply_m16n8k16(sums[i][j], a[i], b[j]);
        }
    }
}

RM_DEVICE void add(const WeightGradientArgs& args, int row, int column, float sum) {
    if (row < args.outputs && column < args.inputs) args.dw[static_cast<int64>(row) * args.inputs + column] += sum;
}

template <typename T>
RM_DEVICE void sum_columns(const BiasGradientOf<T>& args) {
    const int column = static_cast<int>(blockIdx.x * kBiasThreads + threadIdx.x), split = static_cast<int>(blockIdx.y);
    if (column >= args.columns) return;
    const int begin = split * args.rows_per_split, end = minimum(args.rows, begin + args.rows_per_split);
    float sum = 0.0f;
    for (int t = begin; t < end; t++) sum += to_float(args.dy[static_cast<int64>(t) * args.lddy + column]);
    args.partial[static_cast<int64>(split) * args.columns + column] = sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) weight_gradient_backward_bf16(WeightGradientArgs args) {
    RM_DYNAMIC_SHARED(memory);
    const SharedPtr<bfloat16> ring = shared_cast<bfloat16>(memory);
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const int warp_m = warp / (kTile / kWarpN) * kWarpM, warp_n = warp % (kTile / kWarpN) * kWarpN;
    const int first_m = static_cast<int>(blockIdx.y) * kTile, first_n = static_cast<int>(blockIdx.x) * kTile;
    const int steps = static_cast<int>(ceil_div(args.rows, kTileK));
    auto copy_step = [&](int step) {
        if (step < steps) copy_stage(ring + step % kStages * kStageElements, args, first_m, first_n, step * kTileK);
        copy_async_commit();
    };

    Fragment<float, 4> sums[4][4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] = 0.0f;
        }
    }
    for (int step = 0; step < kStages - 1; step++) copy_step(step);
    for (int step = 0; step < steps; step++) {
        copy_async_wait<kStages - 2>();
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
        copy_step(step + kStages - 1);
        multiply_stage(ring + step % kStages * kStageElements, warp_m, warp_n, lane, sums);
    }

#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int row = first_m + warp_m + i * 16 + lane / 4, column = first_n + warp_n + j * 8 + lane % 4 * 2;
            add(args, row, column, sums[i][j][0]);
            add(args, row, column + 1, sums[i][j][1]);
            add(args, row + 8, column, sums[i][j][2]);
            add(args, row + 8, column + 1, sums[i][j][3]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(kBiasThreads) bias_gradient_backward_bf16(BiasGradientOf<bfloat16> args) {
    sum_columns(args);
}

extern "C" __global__ void __launch_bounds__(kBiasThreads) bias_gradient_backward_f32(BiasGradientOf<float> args) {
    sum_columns(args);
}

RM_KERNEL(weight_gradient_backward_bf16, kThreads)
RM_KERNEL(bias_gradient_backward_bf16, kBiasThreads)
RM_KERNEL(bias_gradient_backward_f32, kBiasThreads)

RM_LAYOUT(WeightGradientArgs, RM_FIELD(WeightGradientArgs, dy), RM_FIELD(WeightGradientArgs, x), RM_FIELD(WeightGradientArgs, dw),
          RM_FIELD(WeightGradientArgs, rows), RM_FIELD(WeightGradientArgs, outputs), RM_FIELD(WeightGradientArgs, inputs),
          RM_FIELD(WeightGradientArgs, lddy), RM_FIELD(WeightGradientArgs, ldx))
RM_LAYOUT(BiasGradientArgs, RM_FIELD(BiasGradientArgs, dy), RM_FIELD(BiasGradientArgs, partial), RM_FIELD(BiasGradientArgs, rows),
          RM_FIELD(BiasGradientArgs, columns), RM_FIELD(BiasGradientArgs, lddy), RM_FIELD(BiasGradientArgs, rows_per_split))
