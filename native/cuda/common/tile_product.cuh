// A 128 x 128 tile of a bfloat16 product: mma.sync fed by ldmatrix from a ring of shared-memory stages that cp.async fills (the
// multistage scheme of CUTLASS's sm_80 kernels, Thakkar et al.). A block of 256 threads, 2 x 4 warps with 64 x 32 sums each.
//
// An operand lies as [rows, k], or as [k, rows] where kTransposed. Its tile of a stage has 32 of k: 128 x 32 elements, or 32 x
// 128. What an instruction needs is an address that a thread computes once plus a constant: a step of 32 of k takes 75 to 90
// instructions a warp, of which 32 multiply. Whole steps run so; the others, and a second pair of operands, through copy_edge.
#pragma once

#include "common/chunk.cuh"
#include "common/tensor_core.cuh"

namespace tile_product {

constexpr int kTile = 128, kTileK = 32;
constexpr int kStages = 4, kThreads = 256;
constexpr int kWarpM = 64, kWarpN = 32;
constexpr int kTileElements = kTile * kTileK, kStageElements = 2 * kTileElements;
/// Copies of a thread for one tile of a stage, and what lies between their targets: 64 rows of 32 elements or 16 of 128.
constexpr int kCopies = kTileElements / kChunk / kThreads, kCopyDistance = kThreads * kChunk;

using Sums = Fragment<float, 4>[4][4];

/// An operand: rows x k elements, rows of the matrix in memory start at multiples of 16 bytes.
struct Operand {
    GlobalPtr<const bfloat16> matrix;
    int32 stride, rows, k;
};

/// Place of this thread's copy i in a tile: a row in memory and a chunk of it.
template <bool kTransposed>
RM_DEVICE int copy_row(int i) {
    constexpr int kChunks = (kTransposed ? kTile : kTileK) / kChunk;
    return static_cast<int>(threadIdx.x) / kChunks + i * (kThreads / kChunks);
}

template <bool kTransposed>
RM_DEVICE int copy_column() {
    constexpr int kChunks = (kTransposed ? kTile : kTileK) / kChunk;
    return static_cast<int>(threadIdx.x) % kChunks * kChunk;
}

template <bool kTransposed>
RM_DEVICE int copy_target() {
    return chunk_at < kTransposed ? kTile : kTileK > (copy_row<kTransposed>(0), copy_column<kTransposed>() / kChunk);
}

/// Copies one stage's tile of an operand, whatever part of it exists; the rest becomes zero.
template <bool kTransposed>
RM_DEVICE void copy_edge_tile(SharedPtr<bfloat16> tile, const Operand& operand, int first, int k) {
#pragma unroll
    for (int i = 0; i < kCopies; i++) {
        const int row = copy_row<kTransposed>(i), column = copy_column<kTransposed>();
        const SharedPtr<bfloat16> target = tile + copy_target<kTransposed>() + i * kCopyDistance;
        if constexpr (kTransposed) {
            copy_chunk(target, operand.matrix, k + row, first + column, operand.k, operand.rows, operand.stride);
        } else {
            copy_chunk(target, operand.matrix, first + row, k + column, operand.rows, operand.k, operand.stride);
        }
    }
}

/// Copies the tiles of one step after the other. All of k exists; of rows past the end the last ones are read instead, because
/// their sums are not stored.
template <bool kTransposed>
struct TileCopy {
    static constexpr bool kIsTransposed = kTransposed;

    GlobalPtr<const bfloat16> from[kCopies];
    int64 advance;
    int target;

    /// Whether an operand can be copied so: chunks along the rows must exist whole or not at all.
    RM_DEVICE static bool serves(const Operand& operand) { return !kTransposed || operand.rows % kChunk == 0; }

    RM_DEVICE TileCopy(const Operand& operand, int first) {
        advance = kTransposed ? static_cast<int64>(kTileK) * operand.stride : kTileK;
        target = copy_target<kTransposed>();
#pragma unroll
        for (int i = 0; i < kCopies; i++) {
            const int row = copy_row<kTransposed>(i), column = copy_column<kTransposed>();
            const int64 in_memory = kTransposed ? row : minimum(first + row, operand.rows - 1);
            from[i] = operand.matrix + in_memory * operand.stride +
                      (kTransposed ? minimum(first + column, operand.rows - kChunk) : column);
        }
    }

    RM_DEVICE void next(SharedPtr<bfloat16> tile) {
#pragma unroll
        for (int i = 0; i < kCopies; i++) {
            copy_async_16(tile + target + i * kCopyDistance, from[i]);
            from[i] = from[i] + advance;
        }
    }

    /// What is left to do once the step before has been multiplied: nothing, cp.async writes by itself.
    RM_DEVICE void finish(SharedPtr<bfloat16>) {}
};

/// Where a thread's matrices of an operand start in its tile: those of block b of 16 rows and half h of k.
template <bool kTransposed, int kBlocks>
struct TileReads {
    // The swizzle of chunk_at repeats every 8 rows in memory, so what is added below is a constant.
    int at[kTransposed ? kBlocks : 2];

    /// `lane_row` is the lane's row in memory, `lane_chunk` its chunk, in a 16 x 16 part.
    RM_DEVICE TileReads(int first, int lane_row, int lane_chunk) {
        if constexpr (kTransposed) {
#pragma unroll
            for (int b = 0; b < kBlocks; b++) at[b] = chunk_at<kTile>(lane_row, (first + b * 16) / kChunk + lane_chunk);
        } else {
#pragma unroll
            for (int h = 0; h < 2; h++) at[h] = chunk_at<kTileK>(first + lane_row, h * (16 / kChunk) + lane_chunk);
        }
    }

    RM_DEVICE void load(Fragment<uint32, 4>& words, SharedPtr<const bfloat16> tile, int block, int half) const {
        // First the thread's own part, then the constant, which becomes part of the instruction.
        if constexpr (kTransposed) {
            load_matrices_transposed<4>(words, tile + at[block] + half * 16 * kTile);
        } else {
            load_matrices<4>(words, tile + at[half] + block * 16 * kTileK);
        }
    }
};

/// The part of the tile that this thread's warp has.
RM_DEVICE int warp_m() {
    return static_cast<int>(threadIdx.x) / kWarpSize / (kTile / kWarpN) * kWarpM;
}

RM_DEVICE int warp_n() {
    return static_cast<int>(threadIdx.x) / kWarpSize % (kTile / kWarpN) * kWarpN;
}

/// sums = products over `steps` steps of 32 of k. The first `whole` go through `copy_a` and `copy_b` (a TileCopy, or what has its
/// members); copy_edge(stage, step) copies the tiles of another.
template <bool kATransposed, typename CopyB, typename CopyEdge>
RM_DEVICE void multiply(SharedPtr<bfloat16> ring, TileCopy<kATransposed> copy_a, CopyB copy_b, int whole, int steps,
                        CopyEdge copy_edge, Sums& sums) {
    constexpr bool kBTransposed = CopyB::kIsTransposed;
    // In the lane's 16 x 16 part: rows 0-15 of the first 8 columns, then of the others, or the same with rows and columns
    // exchanged. The words of a come in the first order, those of two neighbouring b in the second.
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const int row_first = lane % 16, chunk_first = lane / 16, row_second = lane / 16 * 8 + lane % 8, chunk_second = lane / 8 % 2;
    const TileReads<kATransposed, 4> reads_a(warp_m(), kATransposed ? row_second : row_first,
                                             kATransposed ? chunk_second : chunk_first);
    const TileReads<kBTransposed, 2> reads_b(warp_n(), kBTransposed ? row_first : row_second,
                                             kBTransposed ? chunk_first : chunk_second);

    auto stage_of = [&](int step) { return ring + step % kStages * kStageElements; };
    auto copy_whole = [&](int step) {
        const SharedPtr<bfloat16> stage = stage_of(step);
        copy_a.next(stage);
        copy_b.next(stage + kTileElements);
    };
    auto multiply_step = [&](int step) {
        const SharedPtr<bfloat16> stage = stage_of(step);
#pragma unroll
        for (int half = 0; half < 2; half++) {
            Fragment<uint32, 4> a[4];
            Fragment<uint32, 2> b[4];
#pragma unroll
            for (int i = 0; i < 4; i++) reads_a.load(a[i], stage, i, half);
#pragma unroll
            for (int pair = 0; pair < 2; pair++) {
                Fragment<uint32, 4> words;
                reads_b.load(words, stage + kTileElements, pair, half);
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
    };
    // A group is committed for every step, also for those past the end: the count of outstanding groups stays simple.
    auto copy_any = [&](int step) {
        if (step < whole) {
            copy_whole(step);
            copy_b.finish(stage_of(step) + kTileElements);
        } else if (step < steps) {
            copy_edge(stage_of(step), step);
        }
        copy_async_commit();
    };
    auto await_step = [&] {
        copy_async_wait<kStages - 2>();
        __syncthreads();  // this step has landed for all threads, and all have finished the step whose stage is filled next
    };

#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) sums[i][j][e] = 0.0f;
        }
    }
    for (int step = 0; step < kStages - 1; step++) copy_any(step);
    int step = 0;
    for (; step + kStages - 1 < whole; step++) {
        await_step();
        copy_whole(step + kStages - 1);
        copy_async_commit();
        multiply_step(step);
        // The stage's last readers were all at the barrier above; its next ones wait for the one of their step.
        copy_b.finish(stage_of(step + kStages - 1) + kTileElements);
    }
    for (; step < steps; step++) {
        await_step();
        copy_any(step + kStages - 1);
        multiply_step(step);
    }
}

/// Calls store(row, column, first, second) for every pair of neighbouring sums; row and column count from the tile's corner.
template <typename Store>
RM_DEVICE void store_pairs(const Sums& sums, Store store) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const int row = warp_m() + i * 16 + lane / 4, column = warp_n() + j * 8 + lane % 4 * 2;
            store(row, column, sums[i][j][0], sums[i][j][1]);
            store(row + 8, column, sums[i][j][2], sums[i][j][3]);
        }
    }
}

}  // namespace tile_product
