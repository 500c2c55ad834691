// Weights that lie in memory in few bits and become bfloat16 on their way into shared memory.
//
//   value[r, c] = bfloat16(code(r, c) * scale(r, c / block))         product in float32, rounded once
//
// code: nf4 (Dettmers et al. 2023): table[4 bits], two a byte, the first in the high half; int8: the signed byte; fp8: e4m3
// (Micikevicius et al. 2022), no infinity, all ones is not a number. scale: float32, one for each block of a row's columns or for
// the whole row; or, double quantised, map[8 bits] * nested + offset, where a row says which of its blocks have which nested
// scale.
#pragma once

#include "common/bfloat16.cuh"
#include "common/packet.cuh"
#include "common/tile_product.cuh"

/// A weight [rows, columns]. Rows of codes follow each other; columns is a multiple of 16, so that every run of 16 codes is
/// aligned.
struct LowBitWeight {
    GlobalPtr<const uint32> codes;
    GlobalPtr<const float> scales;       // [rows, blocks], or null: double quantised
    GlobalPtr<const uint8> scale_codes;  // [rows, scale_stride]
    GlobalPtr<const float>
        row_scales;                 // [rows, 2 + groups]: offset, number of blocks before the second group (int32), nested scales
    GlobalPtr<const float> tables;  // nf4: 16 values of its codes; then, double quantised, 256 of the scales' codes
    int32 rows;
    int32 columns;
    int32 block_shift;  // a block has 1 << block_shift columns; 31: the whole row
    int32 scale_stride;
    int32 groups;       // nested scales that a row can have
    int32 group_shift;  // a nested scale serves 1 << group_shift blocks
};

namespace low_bit {

/// Neighbouring codes of a row that a thread turns into values: two chunks of a tile.
constexpr int kRun = 16;
constexpr int kCodeValues = 16, kScaleValues = 256;

enum class Code { kNf4, kInt8, kFp8 };

/// 4-byte words that hold a run of codes.
template <Code kCode>
constexpr int kWords = kCode == Code::kNf4 ? 2 : 4;

RM_DEVICE float fp8_value(uint32 code) {
    const uint32 magnitude = code & 0x7Fu, sign = (code & 0x80u) << 24;
    // Below 8 there is no hidden bit; else the exponent's bias grows from 7 to 127.
    const float value = magnitude < 8u ? static_cast<float>(static_cast<int32>(magnitude)) * 0.001953125f
                                       : __uint_as_float((magnitude << 20) + (120u << 23));
    return magnitude == 0x7Fu ? __uint_as_float(0x7FC00000u) : __uint_as_float(__float_as_uint(value) | sign);
}

/// Value of code `i` of a run.
template <Code kCode>
RM_DEVICE float code_value(const Fragment<uint32, kWords<kCode>>& words, int i, SharedPtr<const float> tables) {
    if constexpr (kCode == Code::kNf4) {
        return tables[static_cast<int>(words[i / 8] >> (i % 8 / 2 * 8 + (i % 2 == 0 ? 4 : 0)) & 15u)];
    } else if constexpr (kCode == Code::kInt8) {
        return static_cast<float>(static_cast<int32>(words[i / 4] << (24 - i % 4 * 8)) >> 24);
    } else {
        return fp8_value(words[i / 4] >> (i % 4 * 8) & 0xFFu);
    }
}

/// The tables in shared memory; all `threads` of the block must come here, and wait at a barrier before they read them.
template <Code kCode>
RM_DEVICE void copy_tables(const LowBitWeight& weight, SharedPtr<float> tables, int threads) {
    constexpr int kFirst = kCode == Code::kNf4 ? kCodeValues : 0;
    const int count = kFirst + (weight.scales == nullptr ? kScaleValues : 0);
    for (int i = static_cast<int>(threadIdx.x); i < count; i += threads) tables[i] = weight.tables[i];
}

/// A run of codes and its scale, in registers on the way from memory to a tile.
template <Code kCode>
struct Codes {
    Fragment<uint32, kWords<kCode>> words;
    float scale;

    RM_DEVICE void load(const LowBitWeight& weight, SharedPtr<const float> tables, int from_row, int from_column) {
        const int64 at = (static_cast<int64>(from_row) * weight.columns + from_column) / kRun * kWords<kCode>;
        if constexpr (kWords<kCode> == 4) {
            const Packet<uint32> packet = load_packet(weight.codes + at);
#pragma unroll
            for (int i = 0; i < 4; i++) words[i] = packet.words[i];
        } else {
            words[0] = weight.codes[at];
            words[1] = weight.codes[at + 1];
        }
        const int block = from_column >> weight.block_shift;
        if (weight.scales != nullptr) {
            scale = weight.scales[static_cast<int64>(from_row) * weight.scale_stride + block];
            return;
        }
        const GlobalPtr<const float> of_row = weight.row_scales + static_cast<int64>(from_row) * (2 + weight.groups);
        const int beyond = block - static_cast<int>(__float_as_uint(of_row[1]));
        const float nested = of_row[2 + (beyond < 0 ? 0 : 1 + (beyond >> weight.group_shift))];
        const int code = static_cast<int>(weight.scale_codes[static_cast<int64>(from_row) * weight.scale_stride + block]);
        // Product and sum are rounded each, as the values that a checkpoint stands for are.
        scale = __fadd_rn(__fmul_rn(tables[(kCode == Code::kNf4 ? kCodeValues : 0) + code], nested), of_row[0]);
    }

    /// What does not exist is zero.
    RM_DEVICE void load_or_clear(const LowBitWeight& weight, SharedPtr<const float> tables, int row, int column) {
        const bool inside = row < weight.rows && column < weight.columns;
        load(weight, tables, inside ? row : 0, inside ? column : 0);
        if (inside) return;
        scale = 0.0f;
#pragma unroll
        for (int i = 0; i < kWords<kCode>; i++) words[i] = 0u;
    }

    /// Writes the values; `target`: the first element's place. The swizzle exchanges the two chunks of a run, and moves the run
    /// as a whole.
    RM_DEVICE void store(SharedPtr<bfloat16> tile, int target, SharedPtr<const float> tables) const {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float values[kChunk];
#pragma unroll
            for (int i = 0; i < kChunk; i++) values[i] = code_value<kCode>(words, half * kChunk + i, tables) * scale;
            Packet<bfloat16> packet;
            pack(values, packet);
            store_packet(tile + (target ^ half * kChunk), packet);
        }
    }
};

/// As tile_product::TileCopy: next() asks for the codes of a step, finish() writes their values.
template <Code kCode, bool kTransposed>
struct LowBitCopy {
    static constexpr bool kIsTransposed = kTransposed;
    static constexpr int kColumns = kTransposed ? tile_product::kTile : tile_product::kTileK;
    static constexpr int kRuns = kColumns / kRun;

    LowBitWeight weight;
    SharedPtr<const float> tables;
    int row, column, target;
    Codes<kCode> codes;

    /// `first`: row (of y's columns) or, transposed, column at which the tile begins; `k`: where its first step begins.
    RM_DEVICE LowBitCopy(const LowBitWeight& from, SharedPtr<const float> from_tables, int first, int k)
        : weight(from), tables(from_tables) {
        const int in_row = static_cast<int>(threadIdx.x) / kRuns, in_column = static_cast<int>(threadIdx.x) % kRuns * kRun;
        row = (kTransposed ? k : first) + in_row;
        column = (kTransposed ? first : k) + in_column;
        target = chunk_at<kColumns>(in_row, in_column / kChunk);
    }

    /// Of rows or columns past the end the last ones are read instead: sums with them are not stored.
    RM_DEVICE void next(SharedPtr<bfloat16>) {
        codes.load(weight, tables, kTransposed ? row : minimum(row, weight.rows - 1),
                   kTransposed ? minimum(column, weight.columns - kRun) : column);
        if constexpr (kTransposed) {
            row += tile_product::kTileK;
        } else {
            column += tile_product::kTileK;
        }
    }

    RM_DEVICE void finish(SharedPtr<bfloat16> tile) { codes.store(tile, target, tables); }

    /// A tile of which parts may not exist: they become zero.
    RM_DEVICE void copy_edge(SharedPtr<bfloat16> tile) {
        codes.load_or_clear(weight, tables, row, column);
        finish(tile);
    }
};

/// The weight as right operand of linear_tile::multiply.
template <Code kCode, bool kTransposed>
struct RightOperand {
    const LowBitWeight& weight;
    SharedPtr<const float> tables;

    RM_DEVICE int whole_steps() const { return (kTransposed ? weight.rows : weight.columns) / tile_product::kTileK; }

    RM_DEVICE LowBitCopy<kCode, kTransposed> copy(int first) const { return {weight, tables, first, 0}; }

    RM_DEVICE void copy_edge(SharedPtr<bfloat16> tile, int first, int k) const {
        LowBitCopy<kCode, kTransposed>(weight, tables, first, k).copy_edge(tile);
    }
};

}  // namespace low_bit
