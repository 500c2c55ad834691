// What the attention kernels share: tiles of rows in shared memory, the two products that attention is made of, and the queries.
//
// A warp's part of a product lies in the fragments of mma.sync (tensor_core.cuh) for either storage type: with bfloat16 the
// tensor cores compute them, with float32 every lane multiplies and adds its own elements in order of the summed index, so that
// one text of a kernel serves both. Let g = lane / 4, t = lane % 4; element i of a fragment is row g + 8 (i / 2), column 2 t + i
// % 2.
#pragma once

#include "common/async_copy.cuh"
#include "common/exponential.cuh"
#include "common/packet.cuh"
#include "common/tensor_core.cuh"

constexpr float kLog2E = 1.4426950408889634f;
constexpr float kLn2 = 0.6931471805599453f;

template <typename T>
constexpr bool kOnTensorCores = sizeof(T) == 2;

/// Where 16-byte chunk `chunk` of `row` lies in a tile of rows of kDim elements. The xor puts the eight rows that one ldmatrix
/// phase reads into eight different bank groups.
template <typename T, int kDim>
RM_DEVICE int chunk_at(int row, int chunk) {
    static_assert(kDim / Packet<T>::kCount >= 8, "a row has at least the eight chunks that the swizzle exchanges");
    return row * kDim + (chunk ^ (row & 7)) * Packet<T>::kCount;
}

template <typename T, int kDim>
RM_DEVICE int element_at(int row, int column) {
    return chunk_at<T, kDim>(row, column / Packet<T>::kCount) + column % Packet<T>::kCount;
}

/// Begins to copy kRows rows to a tile: row r of it is the first `columns` columns of row row_of(r) of `matrix`, then zeros; all
/// zeros where row_of gives -1. With `packets` the copy is asynchronous and rows of `matrix` start at multiples of 16 bytes.
template <typename T, int kDim, int kRows, int kThreads, typename RowOf>
RM_DEVICE void copy_tile(SharedPtr<T> tile, GlobalPtr<const T> matrix, int stride, int columns, bool packets, RowOf row_of) {
    constexpr int kChunk = Packet<T>::kCount, kChunks = kDim / kChunk;
    if (packets) {
#pragma unroll 2  // more would keep too many addresses in registers
        for (int i = static_cast<int>(threadIdx.x); i < kRows * kChunks; i += kThreads) {
            const int row = i / kChunks, chunk = i % kChunks, source_row = row_of(row);
            const bool inside = source_row >= 0 && chunk * kChunk < columns;
            const GlobalPtr<const T> source =
                inside ? matrix + (static_cast<int64>(source_row) * stride + chunk * kChunk) : matrix;
            copy_async_16(tile + chunk_at<T, kDim>(row, chunk), source, inside ? 16 : 0);
        }
    } else {
#pragma unroll 1
        for (int i = static_cast<int>(threadIdx.x); i < kRows * kDim; i += kThreads) {
            const int row = i / kDim, column = i % kDim, source_row = row_of(row);
            T value = from_float<T>(0.0f);
            if (source_row >= 0 && column < columns) value = matrix[static_cast<int64>(source_row) * stride + column];
            tile[element_at<T, kDim>(row, column)] = value;
        }
    }
}

/// The same for rows `first` to `first` + kRows of `matrix`, all of which exist and have kDim columns, with packets: an address
/// and constants.
template <typename T, int kDim, int kRows, int kThreads>
RM_DEVICE void copy_whole_tile(SharedPtr<T> tile, GlobalPtr<const T> matrix, int stride, int first) {
    constexpr int kChunk = Packet<T>::kCount, kChunks = kDim / kChunk, kRowsAtOnce = kThreads / kChunks;
    static_assert(kThreads % kChunks == 0 && kRows % kRowsAtOnce == 0, "every thread copies one chunk of as many rows");
    const int row = static_cast<int>(threadIdx.x) / kChunks, chunk = static_cast<int>(threadIdx.x) % kChunks;
    GlobalPtr<const T> source = matrix + (static_cast<int64>(first + row) * stride + chunk * kChunk);
    const int64 advance = static_cast<int64>(kRowsAtOnce) * stride;
    // The swizzle repeats every eight rows: so many targets, and constants.
    constexpr int kTargets = kRowsAtOnce < 8 ? 8 / kRowsAtOnce : 1;
    int targets[kTargets];
#pragma unroll
    for (int i = 0; i < kTargets; i++) targets[i] = chunk_at<T, kDim>(row + i * kRowsAtOnce, chunk);
#pragma unroll
    for (int i = 0; i < kRows / kRowsAtOnce; i++) {
        copy_async_16(tile + targets[i % kTargets] + i / kTargets * kTargets * kRowsAtOnce * kDim, source);
        source = source + advance;
    }
}

/// Copies rows `first` to `first` + `rows` of `matrix` to a tile of kRows; see copy_tile.
template <typename T, int kDim, int kRows, int kThreads>
RM_DEVICE void copy_rows(SharedPtr<T> tile, GlobalPtr<const T> matrix, int stride, int columns, bool packets, int first,
                         int rows) {
    if constexpr (kOnTensorCores<T>) {
        if (packets && rows == kRows && columns == kDim) {
            copy_whole_tile<T, kDim, kRows, kThreads>(tile, matrix, stride, first);
            return;
        }
    }
    copy_tile<T, kDim, kRows, kThreads>(tile, matrix, stride, columns, packets,
                                        [&](int row) { return row < rows ? first + row : -1; });
}

/// Where a lane's row of a 16 x 16 part of a tile lies: `row` and `chunk` are the lane's in that part.
template <typename T, int kDim>
struct LaneChunks {
    // The swizzle exchanges eight chunks, four parts side by side, and repeats every eight rows: the rest is a constant.
    int at[4];

    RM_DEVICE LaneChunks(int row, int chunk) {
#pragma unroll
        for (int part = 0; part < 4; part++) at[part] = chunk_at<T, kDim>(row, 2 * part + chunk);
    }

    /// In the part at row 16 `rows`, column 16 `columns`.
    RM_DEVICE SharedPtr<T> of(SharedPtr<T> tile, int rows, int columns) const {
        return tile + at[columns % 4] + (rows * 16 * kDim + columns / 4 * 64);
    }
};

template <int kRowTiles, int kColumnTiles>
RM_DEVICE void clear(Fragment<float, 4> (&x)[kRowTiles][kColumnTiles]) {
#pragma unroll
    for (int m = 0; m < kRowTiles; m++) {
#pragma unroll
        for (int n = 0; n < kColumnTiles; n++) {
#pragma unroll
            for (int e = 0; e < 4; e++) x[m][n][e] = 0.0f;
        }
    }
}

/// x = left right^T: kRowTiles times 16 rows of `left` from `first_row` on, and all 8 kColumnTiles rows of `right`.
template <typename T, int kDim, int kRowTiles, int kColumnTiles>
RM_DEVICE void rows_times_rows(Fragment<float, 4> (&x)[kRowTiles][kColumnTiles], SharedPtr<T> left, int first_row,
                               SharedPtr<T> right, int lane) {
    clear(x);
    if constexpr (kOnTensorCores<T>) {
        static_assert(kColumnTiles % 2 == 0, "the right operand is loaded sixteen rows at a time");
        const LaneChunks<T, kDim> rows_of_right(lane / 16 * 8 + lane % 8, lane / 8 % 2);
#pragma unroll
        for (int k = 0; k < kDim / 16; k++) {
            Fragment<uint32, 4> a[kRowTiles];
#pragma unroll
            for (int m = 0; m < kRowTiles; m++)
                load_matrices<4>(a[m], left + chunk_at<T, kDim>(first_row + 16 * m + lane % 16, 2 * k + lane / 16));
#pragma unroll
            for (int pair = 0; pair < kColumnTiles / 2; pair++) {
                Fragment<uint32, 4> words;
                load_matrices<4>(words, rows_of_right.of(right, pair, k));
                Fragment<uint32, 2> b[2];
                b[0][0] = words[0];
                b[0][1] = words[1];
                b[1][0] = words[2];
                b[1][1] = words[3];
#pragma unroll
                for (int m = 0; m < kRowTiles; m++) {
                    multiply_m16n8k16(x[m][2 * pair], a[m], b[0]);
                    multiply_m16n8k16(x[m][2 * pair + 1], a[m], b[1]);
                }
            }
        }
    } else {
        const int g = lane / 4, t = lane % 4;
#pragma unroll 1
        for (int chunk = 0; chunk < kDim / 4; chunk++) {
            float a[kRowTiles][2][4];
#pragma unroll
            for (int m = 0; m < kRowTiles; m++) {
                unpack(load_packet(left + chunk_at<T, kDim>(first_row + 16 * m + g, chunk)), a[m][0]);
                unpack(load_packet(left + chunk_at<T, kDim>(first_row + 16 * m + g + 8, chunk)), a[m][1]);
            }
#pragma unroll
            for (int n = 0; n < kColumnTiles; n++) {
                float b[2][4];
                unpack(load_packet(right + chunk_at<T, kDim>(8 * n + 2 * t, chunk)), b[0]);
                unpack(load_packet(right + chunk_at<T, kDim>(8 * n + 2 * t + 1, chunk)), b[1]);
#pragma unroll
                for (int m = 0; m < kRowTiles; m++) {
#pragma unroll
                    for (int e = 0; e < 4; e++) {
#pragma unroll
                        for (int i = 0; i < 4; i++) x[m][n][e] += a[m][e / 2][i] * b[e % 2][i];
                    }
                }
            }
        }
    }
}

/// y += p right: p holds 16 kRowTiles rows and 8 kDepthTiles columns, one for each row of `right`, of which columns from
/// `first_column` on, a multiple of 64, are taken. p is rounded to the storage type first. `scratch`: floats of the warp alone,
/// 16 * 8 * kDepthTiles of them, for float32.
template <typename T, int kDim, int kRowTiles, int kDepthTiles, int kColumnTiles>
RM_DEVICE void weights_times_rows(Fragment<float, 4> (&y)[kRowTiles][kColumnTiles],
                                  const Fragment<float, 4> (&p)[kRowTiles][kDepthTiles], SharedPtr<T> right, int first_column,
                                  SharedPtr<float> scratch, int lane) {
    if constexpr (kOnTensorCores<T>) {
        static_assert(kDepthTiles % 2 == 0 && kColumnTiles % 2 == 0, "products are sixteen deep, loads sixteen columns wide");
        const LaneChunks<T, kDim> rows_of_right(lane % 16, lane / 16);
        const SharedPtr<T> first = right + first_column;
#pragma unroll
        for (int k = 0; k < kDepthTiles / 2; k++) {
            // The fragments of a result, two side by side, are those of a left operand.
            Fragment<uint32, 4> a[kRowTiles];
#pragma unroll
            for (int m = 0; m < kRowTiles; m++) {
                a[m][0] = to_bfloat16_pair(p[m][2 * k][0], p[m][2 * k][1]);
                a[m][1] = to_bfloat16_pair(p[m][2 * k][2], p[m][2 * k][3]);
                a[m][2] = to_bfloat16_pair(p[m][2 * k + 1][0], p[m][2 * k + 1][1]);
                a[m][3] = to_bfloat16_pair(p[m][2 * k + 1][2], p[m][2 * k + 1][3]);
            }
#pragma unroll
            for (int pair = 0; pair < kColumnTiles / 2; pair++) {
                Fragment<uint32, 4> words;
                load_matrices_transposed<4>(words, rows_of_right.of(first, k, pair));
                Fragment<uint32, 2> b[2];
                b[0][0] = words[0];
                b[0][1] = words[1];
                b[1][0] = words[2];
                b[1][1] = words[3];
#pragma unroll
                for (int m = 0; m < kRowTiles; m++) {
                    multiply_m16n8k16(y[m][2 * pair], a[m], b[0]);
                    multiply_m16n8k16(y[m][2 * pair + 1], a[m], b[1]);
                }
            }
        }
    } else {
        constexpr int kDepth = 8 * kDepthTiles;
        const int g = lane / 4, t = lane % 4;
#pragma unroll
        for (int m = 0; m < kRowTiles; m++) {
            // A lane needs whole rows of p, which the four lanes of its row hold.
#pragma unroll
            for (int n = 0; n < kDepthTiles; n++) {
#pragma unroll
                for (int e = 0; e < 4; e++) scratch[(g + e / 2 * 8) * kDepth + 8 * n + 2 * t + e % 2] = p[m][n][e];
            }
            __syncwarp();
#pragma unroll 1
            for (int k = 0; k < kDepth; k++) {
                const float upper = scratch[g * kDepth + k], lower = scratch[(g + 8) * kDepth + k];
#pragma unroll
                for (int n = 0; n < kColumnTiles; n++) {
                    const int column = first_column + 8 * n + 2 * t;
                    const float first = right[element_at<T, kDim>(k, column)];
                    const float second = right[element_at<T, kDim>(k, column + 1)];
                    y[m][n][0] += upper * first;
                    y[m][n][1] += upper * second;
                    y[m][n][2] += lower * first;
                    y[m][n][3] += lower * second;
                }
            }
            __syncwarp();  // the next product may write
        }
    }
}

/// Stores the elements of one row of a fragment, times `factor`: two neighbouring columns, of which those below `columns` exist.
template <typename T>
RM_DEVICE void store_two(GlobalPtr<T> row, int column, int columns, bool packets, float first, float second) {
    if (column >= columns) return;
    if constexpr (kOnTensorCores<T>) {
        if (packets) {
            store_pair(row + column, first, second);
            return;
        }
    }
    row[column] = from_float<T>(first);
    if (column + 1 < columns) row[column + 1] = from_float<T>(second);
}

/// The queries of a micro-batch, sorted by segment: slot s is row rows[s] of Q and token tokens[s]; both are s where Q has all
/// tokens and the pointers are null.
struct AttentionQueries {
    GlobalPtr<const int32> rows;
    GlobalPtr<const int32> tokens;

    RM_DEVICE int row(int slot) const {
        int row = slot;
        if (rows != nullptr) row = rows[slot];
        return row;
    }

    RM_DEVICE int token(int slot) const {
        int token = slot;
        if (tokens != nullptr) token = tokens[slot];
        return token;
    }
};

/// 2^x as the softmax takes it: in float32 exact where x is zero.
template <typename T>
RM_DEVICE float exp2_of(float x) {
    return kOnTensorCores<T> ? exp2_flushed(x) : exp2f(x);
}

/// First key that a query sees, less its token: `shift` where keys are those of its prefix, else 0. All keys without a window.
RM_DEVICE int window_offset(int window, int shift) {
    return window > 0 ? shift - window + 1 : -(1 << 30);
}

/// A block of queries of one segment, and the keys that one of them sees: all of the prefix and its own segment's up to itself,
/// which are those whose token is not after the query's. Keys are visited in tiles that begin at the starts of both ranges.
struct AttentionQueryBlock {
    static constexpr int kFields = 6;

    int first_slot, count, prefix_start, prefix_length, own_start, own_length;

    RM_DEVICE static AttentionQueryBlock read(GlobalPtr<const int32> blocks, int index) {
        const GlobalPtr<const int32> fields = blocks + static_cast<int64>(index) * kFields;
        AttentionQueryBlock block;
        block.first_slot = fields[0];
        block.count = fields[1];
        block.prefix_start = fields[2];
        block.prefix_length = fields[3];
        block.own_start = fields[4];
        block.own_length = fields[5];
        return block;
    }

    /// What to add to a position's distance from its segment's start to get the prefix key at that distance before the tail.
    RM_DEVICE int prefix_shift() const { return prefix_start + prefix_length - own_start; }

    /// Leaves out the tiles that no query from `first_token` on sees through its window. They are whole ones, so that the
    /// others begin where they did.
    template <int kKeys>
    RM_DEVICE void enter_window(int window, int first_token) {
        const int first = first_token - window + 1, in_prefix = first + prefix_shift() - prefix_start;
        const int skipped_prefix = minimum(in_prefix > 0 ? in_prefix / kKeys * kKeys : 0, prefix_length);
        const int skipped_own = first > own_start ? (first - own_start) / kKeys * kKeys : 0;
        prefix_start += skipped_prefix;
        prefix_length -= skipped_prefix;
        own_start += skipped_own;
        own_length -= skipped_own;
    }

    template <int kKeys>
    RM_DEVICE bool in_prefix(int step) const {
        return step < static_cast<int>(ceil_div(prefix_length, kKeys));
    }

    template <int kKeys>
    RM_DEVICE int steps() const {
        return static_cast<int>(ceil_div(prefix_length, kKeys) + ceil_div(own_length, kKeys));
    }

    /// First key and number of keys of a step.
    template <int kKeys>
    RM_DEVICE void keys(int step, int& first, int& keys) const {
        const int prefix_steps = static_cast<int>(ceil_div(prefix_length, kKeys));
        const bool in_prefix = step < prefix_steps;
        const int skipped = (in_prefix ? step : step - prefix_steps) * kKeys;
        first = (in_prefix ? prefix_start : own_start) + skipped;
        keys = minimum((in_prefix ? prefix_length : own_length) - skipped, kKeys);
    }
};
