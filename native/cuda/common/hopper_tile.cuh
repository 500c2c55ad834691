// The tiles of a linear layer on wgmma: their sizes, and how a warp stores its part of one (linear_hopper.cu says of what).
// A guard by name: the emulator's tests include the kernels several times, each with another defect.
#ifndef RM_HOPPER_TILE
#define RM_HOPPER_TILE

#include "common/bfloat16.cuh"
#include "common/fragment.cuh"
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/swiglu.cuh"
#include "common/warpgroup.cuh"

#if defined(RM_EMULATOR) || defined(__CUDA_ARCH_FEAT_SM90_ALL)

struct HopperLinearArgs {
    GlobalPtr<const float> bias;
    GlobalPtr<const bfloat16> residual;
    GlobalPtr<bfloat16> y;
    GlobalPtr<bfloat16> product;
    int32 m;
    int32 n;
    int32 k;
    int32 extension_k;  // 0 without an extension
    int32 ldy;
    int32 ldr;
    int32 ldp;
    int32 packets;  // 1: rows of y, residual and product start at multiples of 16 bytes
};

namespace hopper_linear {

constexpr int kTileM = 128, kTileN = 256, kTileK = 64;
constexpr int kThreads = 3 * kWarpgroupSize, kConsumerWarps = 8;
constexpr int kStagedRows = 16, kStagedColumns = 64, kStaged = kStagedRows * kStagedColumns;

enum class Layer { kForward, kSwiGlu, kBackward };

/// Place of eight columns of a row of staged sums: swizzled, so that the rows of one store lie in different banks.
RM_DEVICE int staged_at(int row, int group) {
    return row * kStagedColumns + (group ^ (row % 8)) * 8;
}

/// y[row, column to column + 7] = sums + bias + residual, rounded once. What lies outside y is left out.
RM_DEVICE void store_columns(const HopperLinearArgs& args, int64 row, int column, float (&sums)[8]) {
    const int count = minimum(8, args.n - column);
#pragma unroll
    for (int i = 0; i < 8; i++) {
        if (args.bias != nullptr && i < count) sums[i] += args.bias[column + i];
    }
    const GlobalPtr<bfloat16> y = args.y + row * args.ldy + column;
    const GlobalPtr<const bfloat16> residual = args.residual + row * args.ldr + column;
    if (args.packets != 0 && count == 8) {
        if (args.residual != nullptr) {
            float added[8];
            unpack(load_packet(residual), added);
#pragma unroll
            for (int i = 0; i < 8; i++) sums[i] += added[i];
        }
        Packet<bfloat16> packet;
        pack(sums, packet);
        store_packet(y, packet);
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (i >= count) continue;
            if (args.residual != nullptr) sums[i] += to_float(residual[i]);
            y[i] = to_bfloat16(sums[i]);
        }
    }
}

/// Rounds and stores gate and up of features feature to feature + 7, and the product of what was rounded.
RM_DEVICE void store_features(const HopperLinearArgs& args, int64 row, int feature, float (&gate)[8], float (&up)[8]) {
    const int features = args.n / 2, count = minimum(8, features - feature);
    const GlobalPtr<bfloat16> gates = args.y + row * args.ldy + feature, ups = gates + features;
    const GlobalPtr<bfloat16> product = args.product + row * args.ldp + feature;
#pragma unroll
    for (int i = 0; i < 8; i++) {
        if (args.bias != nullptr && i < count) {
            gate[i] += args.bias[feature + i];
            up[i] += args.bias[features + feature + i];
        }
        gate[i] = to_float(to_bfloat16(gate[i]));
        up[i] = to_float(to_bfloat16(up[i]));
    }
    if (args.packets != 0 && count == 8) {
        Packet<bfloat16> packet;
        pack(gate, packet);
        store_packet(gates, packet);
        pack(up, packet);
        store_packet(ups, packet);
#pragma unroll
        for (int i = 0; i < 8; i++) gate[i] = swiglu(gate[i], up[i]);
        pack(gate, packet);
        store_packet(product, packet);
    } else {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (i >= count) continue;
            gates[i] = to_bfloat16(gate[i]);
            ups[i] = to_bfloat16(up[i]);
            product[i] = to_bfloat16(swiglu(gate[i], up[i]));
        }
    }
}

/// Eight neighbouring sums of the warp's staged 16 x 64.
RM_DEVICE void load_staged(SharedPtr<float> staging, int row, int group, float (&values)[8]) {
    const SharedPtr<float> from = staging + staged_at(row, group);
    float half[4];
#pragma unroll
    for (int i = 0; i < 8; i += 4) {
        unpack(load_packet(from + i), half);
#pragma unroll
        for (int j = 0; j < 4; j++) values[i + j] = half[j];
    }
}

/// Stores the warp's 16 rows of the tile. A thread's accumulators are pairs that lie 8 columns apart: through shared memory, 64
/// columns at a time, they become rows of 128 bytes.
template <Layer kLayer>
RM_DEVICE void store_tile(const HopperLinearArgs& args, Fragment<float, kTileN / 2>& sums, SharedPtr<float> staging,
                          int first_row, int tile_n) {
    constexpr bool kSwiGlu = kLayer == Layer::kSwiGlu;
    constexpr int kElements = 2 * kStagedColumns / 4, kGroups = kStagedColumns / 8;  // a thread's of a chunk; eights of columns
    constexpr int kOutputs = kSwiGlu ? kGroups / 2 : kGroups;
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
#pragma unroll
    for (int chunk = 0; chunk < kTileN / kStagedColumns; chunk++) {
#pragma unroll
        for (int i = 0; i < kElements; i += 2) {
            // 32 gates beside their 32 ups: feature f of the tile is column f and column f + 128.
            const int element =
                kSwiGlu ? chunk * kElements / 2 + i % (kElements / 2) + i / (kElements / 2) * kTileN / 4 : chunk * kElements + i;
            const int row = lane / 4 + 8 * (i / 2 % 2);
            store_pair(staging + staged_at(row, i / 4) + lane % 4 * 2, sums[element], sums[element + 1]);
        }
        __syncwarp();
#pragma unroll 1
        for (int item = lane; item < kStagedRows * kOutputs; item += kWarpSize) {
            const int row = item / kOutputs, group = item % kOutputs;
            const int column = (tile_n * (kTileN / kStagedColumns) + chunk) * kOutputs * 8 + group * 8;
            if (first_row + row >= args.m || column >= (kSwiGlu ? args.n / 2 : args.n)) continue;
            float values[8];
            load_staged(staging, row, group, values);
            if constexpr (kSwiGlu) {
                float ups[8];
                load_staged(staging, row, kOutputs + group, ups);
                store_features(args, first_row + row, column, values, ups);
            } else {
                store_columns(args, first_row + row, column, values);
            }
        }
        __syncwarp();
    }
}

}  // namespace hopper_linear

#endif
#endif
