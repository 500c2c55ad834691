// A 128 x 128 tile of a linear layer (linear.cu has formula and launch contract), whatever form its weight has in memory.
#pragma once

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

namespace linear_tile {

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

/// A weight of bfloat16 as right operand.
template <bool kTransposed>
struct DenseWeight {
    tile_product::Operand b;

    RM_DEVICE explicit DenseWeight(const LinearArgs& args) : b(operand_b(args.main, args.n)) {}

    RM_DEVICE int whole_steps() const { return tile_product::TileCopy<kTransposed>::serves(b) ? b.k / kTileK : 0; }

    RM_DEVICE tile_product::TileCopy<kTransposed> copy(int first) const { return tile_product::TileCopy<kTransposed>(b, first); }

    RM_DEVICE void copy_edge(SharedPtr<bfloat16> tile, int first, int k) const {
        tile_product::copy_edge_tile<kTransposed>(tile, b, first, k);
    }
};

/// The block's tile of y. `weight` copies tiles of the right operand: those of whole steps one after the other, those of others
/// by themselves.
template <bool kBTransposed, typename Weight>
RM_DEVICE void multiply(const LinearArgs& args, SharedPtr<bfloat16> ring, const Weight& weight) {
    int tile_m, tile_n;
    place_of_tile(static_cast<int>(blockIdx.x), static_cast<int>(ceil_div(args.m, kTile)),
                  static_cast<int>(ceil_div(args.n, kTile)), tile_m, tile_n);
    const int first_m = tile_m * kTile, first_n = tile_n * kTile;
    const tile_product::Operand a = operand_a(args.main, args.m);
    const int main_steps = static_cast<int>(ceil_div(args.main.k, kTileK));
    const int steps = main_steps + static_cast<int>(ceil_div(args.extension.k, kTileK));
    auto copy_edge = [&](SharedPtr<bfloat16> stage, int step) {
        const bool in_main = step < main_steps;
        const int k = (in_main ? step : step - main_steps) * kTileK;
        // Not a choice between two structures by address, which would put the kernel's arguments into local memory.
        if (in_main) {
            tile_product::copy_edge_tile<false>(stage, a, first_m, k);
            weight.copy_edge(stage + kTileElements, first_n, k);
        } else {
            tile_product::copy_edge_tile<false>(stage, operand_a(args.extension, args.m), first_m, k);
            tile_product::copy_edge_tile<kBTransposed>(stage + kTileElements, operand_b(args.extension, args.n), first_n, k);
        }
    };

    tile_product::Sums sums;
    tile_product::multiply(ring, tile_product::TileCopy<false>(a, first_m), weight.copy(first_n), weight.whole_steps(), steps,
                           copy_edge, sums);
    tile_product::store_pairs(sums, [&](int row, int column, float first, float second) {
        store_sums(args, first_m + row, first_n + column, first, second);
    });
}

}  // namespace linear_tile
