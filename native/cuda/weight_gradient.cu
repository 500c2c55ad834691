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
#include "common/launch.cuh"
#include "common/tile_product.cuh"

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

using tile_product::kThreads;
using tile_product::kTile;
using tile_product::kTileElements;
using tile_product::kTileK;

constexpr int kBiasThreads = 128;

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
    const int first_m = static_cast<int>(blockIdx.y) * kTile, first_n = static_cast<int>(blockIdx.x) * kTile;
    // Both operands lie with tokens as rows.
    using Copy = tile_product::TileCopy<true>;
    const tile_product::Operand dy = {args.dy, args.lddy, args.outputs, args.rows},
                                x = {args.x, args.ldx, args.inputs, args.rows};
    const int steps = static_cast<int>(ceil_div(args.rows, kTileK));
    const int whole = Copy::serves(dy) && Copy::serves(x) ? args.rows / kTileK : 0;
    auto copy_edge = [&](SharedPtr<bfloat16> stage, int step) {
        tile_product::copy_edge_tile<true>(stage, dy, first_m, step * kTileK);
        tile_product::copy_edge_tile<true>(stage + kTileElements, x, first_n, step * kTileK);
    };

    tile_product::Sums sums;
    tile_product::multiply(shared_cast<bfloat16>(memory), Copy(dy, first_m), Copy(x, first_n), whole, steps, copy_edge, sums);
    tile_product::store_pairs(sums, [&](int row, int column, float first, float second) {
        add(args, first_m + row, first_n + column, first);
        add(args, first_m + row, first_n + column + 1, second);
    });
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
