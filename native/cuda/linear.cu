// Linear layers on the tensor cores of sm_80 and later (common/tile_product.cuh).
//
//   forward:   y[m,n] = sum_k a[m,k] b[n,k] + sum_r a2[m,r] b2[n,r] + bias[n] + residual[m,n]       (y = x W^T, LoRA: a2 = S, b2
//   = B) backward:  y[m,n] = sum_k a[m,k] b[k,n] + sum_r a2[m,r] b2[r,n] + residual[m,n]                 (dX = dY W, LoRA: a2 =
//   dS, b2 = A)
//
// The second pair of operands is the "virtual K extension": after the last step of the K loop the ring goes on with it, so y is
// written once. Its k is 0 without one. residual and bias may be null; residual may be y, which makes y +=.
//
// Shapes: a [M, K], b [N, K] (forward) or [K, N] (backward), residual and y [M, N], all bfloat16 with a row stride (ld*, in
// elements); bias [N] float32. y = ; accumulation in float32 in order of k; deterministic, and a row of y depends on no other row
// of a.
//
// Launch: grid (ceil(M / 128) * ceil(N / 128)), block 256, 65536 bytes of dynamic shared memory. Contract "16-byte rows": a, b,
// a2, b2 and their rows start at multiples of 16 bytes (lda, ldb multiples of 8). y and residual: 4-byte aligned when ldy, ldr
// are even.
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/tile_order.cuh"
#include "common/tile_product.cuh"

struct LinearOperands {
    GlobalPtr<const bfloat16> a;
    GlobalPtr<const bfloat16> b;
    int32 lda;
    int32 ldb;
    int32 k;
    int32 reserved;  // 0
};

struct LinearArgs {
    LinearOperands main;
    LinearOperands extension;
    GlobalPtr<const float> bias;
    GlobalPtr<const bfloat16> residual;
    GlobalPtr<bfloat16> y;
    int32 m;
    int32 n;
    int32 ldy;
    int32 ldr;
};

namespace {

using tile_product::kThreads;
using tile_product::kTile;
using tile_product::kTileElements;
using tile_product::kTileK;

RM_DEVICE tile_product::Operand operand_a(const LinearOperands& operands, int32 rows) {
    return {operands.a, operands.lda, rows, operands.k};
}

RM_DEVICE tile_product::Operand operand_b(const LinearOperands& operands, int32 rows) {
    return {operands.b, operands.ldb, rows, operands.k};
}

// Adds bias and residual to two neighbouring sums and stores them.
RM_DEVICE void store_sums(const LinearArgs& args, int64 row, int column, float first, float second) {
    if (row >= args.m || column >= args.n) return;
    const bool both = column + 1 < args.n;
    if (args.bias != nullptr) {
        first += args.bias[column];
        if (both) second += args.bias[column + 1];
    }
    const int64 at = row * args.ldy + column;
    if (args.residual != nullptr) {
        const GlobalPtr<const bfloat16> residual = args.residual + row * args.ldr + column;
        if (both && args.ldr % 2 == 0) {
            const uint32 pair = load_pair(residual);
            first += low_to_float(pair);
            second += high_to_float(pair);
        } else {
            first += to_float(residual[0]);
            if (both) second += to_float(residual[1]);
        }
    }
    if (both && args.ldy % 2 == 0) {
        store_pair(args.y + at, first, second);
    } else {
        args.y[at] = to_bfloat16(first);
        if (both) args.y[at + 1] = to_bfloat16(second);
    }
}

template <bool kBTransposed>
RM_DEVICE void linear_tile(const LinearArgs& args) {
    RM_DYNAMIC_SHARED(memory);
    int tile_m, tile_n;
    place_of_tile(static_cast<int>(blockIdx.x), static_cast<int>(ceil_div(args.m, kTile)),
                  static_cast<int>(ceil_div(args.n, kTile)), tile_m, tile_n);
    const int first_m = tile_m * kTile, first_n = tile_n * kTile;
    const tile_product::Operand a = operand_a(args.main, args.m), b = operand_b(args.main, args.n);
    const int main_steps = static_cast<int>(ceil_div(args.main.k, kTileK));
    const int steps = main_steps + static_cast<int>(ceil_div(args.extension.k, kTileK));
    const int whole = tile_product::TileCopy<kBTransposed>::serves(b) ? args.main.k / kTileK : 0;
    auto copy_edge = [&](SharedPtr<bfloat16> stage, int step) {
        const bool in_main = step < main_steps;
        const int k = (in_main ? step : step - main_steps) * kTileK;
        // Not a choice between two structures by address, which would put the kernel's arguments into local memory.
        if (in_main) {
            tile_product::copy_edge_tile<false>(stage, a, first_m, k);
            tile_product::copy_edge_tile<kBTransposed>(stage + kTileElements, b, first_n, k);
        } else {
            tile_product::copy_edge_tile<false>(stage, operand_a(args.extension, args.m), first_m, k);
            tile_product::copy_edge_tile<kBTransposed>(stage + kTileElements, operand_b(args.extension, args.n), first_n, k);
        }
    };

    tile_product::Sums sums;
    tile_product::multiply(shared_cast<bfloat16>(memory), tile_product::TileCopy<false>(a, first_m),
                           tile_product::TileCopy<kBTransposed>(b, first_n), whole, steps, copy_edge, sums);
    tile_product::store_pairs(sums, [&](int row, int column, float first, float second) {
        store_sums(args, first_m + row, first_n + column, first, second);
    });
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) linear_forward_bf16(LinearArgs args) {
    linear_tile<false>(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) linear_backward_bf16(LinearArgs args) {
    linear_tile<true>(args);
}

RM_KERNEL(linear_forward_bf16, kThreads)
RM_KERNEL(linear_backward_bf16, kThreads)

RM_LAYOUT(LinearOperands, RM_FIELD(LinearOperands, a), RM_FIELD(LinearOperands, b), RM_FIELD(LinearOperands, lda),
          RM_FIELD(LinearOperands, ldb), RM_FIELD(LinearOperands, k), RM_FIELD(LinearOperands, reserved))
RM_LAYOUT(LinearArgs, RM_FIELD(LinearArgs, main), RM_FIELD(LinearArgs, extension), RM_FIELD(LinearArgs, bias),
          RM_FIELD(LinearArgs, residual), RM_FIELD(LinearArgs, y), RM_FIELD(LinearArgs, m), RM_FIELD(LinearArgs, n),
          RM_FIELD(LinearArgs, ldy), RM_FIELD(LinearArgs, ldr))
