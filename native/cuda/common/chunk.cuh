// Tiles of bfloat16 matrices in shared memory, filled by cp.async in chunks of 16 bytes, and where each chunk lies in them.
#pragma once

#include "common/async_copy.cuh"
#include "common/bfloat16.cuh"

/// Elements of a 16-byte copy.
constexpr int kChunk = 8;

/// Element at which `chunk` of `row` of a tile with kColumns columns starts. The xor puts the eight chunks that one phase of
/// ldmatrix reads, from eight neighbouring rows, into eight different bank groups: a row of 64 bytes is half of what the banks
/// hold at once.
template <int kColumns>
RM_DEVICE int chunk_at(int row, int chunk) {
    static_assert(kColumns == 32 || kColumns == 64 || kColumns == 128, "rows of 64, 128 or 256 bytes");
    return row * kColumns + (chunk ^ (kColumns == 32 ? row >> 1 & 3 : row & 7)) * kChunk;
}

/// Copies the chunk at (row, column) of a matrix whose rows start at multiples of 16 bytes; what lies outside becomes zero.
RM_DEVICE void copy_chunk(SharedPtr<bfloat16> target, GlobalPtr<const bfloat16> matrix, int64 row, int column, int rows,
                          int columns, int stride) {
    const int inside = row < rows ? minimum(maximum(columns - column, 0), kChunk) : 0;
    const GlobalPtr<const bfloat16> source = inside > 0 ? matrix + row * stride + column : matrix;
    copy_async_16(target, source, static_cast<uint32>(inside) * 2);
}
