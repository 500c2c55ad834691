// What forward and backward of delta_rule.cu share: a piece of sixteen tokens of one value head in its matrix form. With gamma
// the sums of g within the piece and S its first state:
//
//   (I + A) U = beta (V - e^gamma K S),   A below the diagonal = beta (K K^T) e^(gamma_i - gamma_j)
//   O = e^gamma Q S + B U,   B = (Q K^T) e^(gamma_i - gamma_j) up to the diagonal
//   next S = e^gamma_last S + K^T (e^(gamma_last - gamma) U)
//
// with K and Q at unit length, Q also over sqrt(Dk). Exponents are differences before they are raised, so that nothing overflows.
#pragma once

#include "common/bfloat16.cuh"
#include "common/memory.cuh"
#include "common/reduce.cuh"
#include "common/swiglu.cuh"

template <typename T>
struct DeltaRuleInputsOf {
    GlobalPtr<const T> qkv;  // [T, 2 Hk Dk + Hv Dv]
    GlobalPtr<const T> a;    // [T, Hv]
    GlobalPtr<const T> b;    // [T, Hv]
    GlobalPtr<const float> a_log;
    GlobalPtr<const float> dt_bias;
    GlobalPtr<const int32> items;  // [items, DeltaRuleItem::kFields]
    int32 qkv_stride;
    int32 a_stride;
    int32 b_stride;
    int32 key_heads;
    int32 value_heads;
    int32 key_dim;
    int32 value_dim;
    int32 chunk;  // tokens from one kept state to the next, a multiple of 16
    int32 slice;  // columns of values that a block has, a multiple of eight
    float epsilon;
};
using DeltaRuleInputs = DeltaRuleInputsOf<bfloat16>;

/// A segment: where it stands, the row of its first state, and whose state it goes on from or hands on.
struct DeltaRuleItem {
    static constexpr int kFields = 6;
    int start, length, first_chunk;
    int prefix;             // of a tail, the number of its prefix; of a prefix, its own; else -1
    int first_tail, tails;  // of a prefix, the numbers of its tails; of a tail, its own number and 0

    RM_DEVICE static DeltaRuleItem read(GlobalPtr<const int32> items, int index) {
        const GlobalPtr<const int32> at = items + index * kFields;
        return {at[0], at[1], at[2], at[3], at[4], at[5]};
    }
};

namespace delta_rule {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarpSize;
constexpr int kPiece = 16;
constexpr int kSquare = kPiece + 1;  // columns of a square of the piece's tokens, one to spare

/// This block's columns of one head of one segment, and the tile sizes that follow. Columns beyond `width` and rows of keys
/// beyond the head's are zero.
struct Place {
    DeltaRuleItem item;
    int slice, head, key_head;
    int first, width;     // columns of the head's values
    int keys, values;     // Dk and the slice, whole eights
    int64 state_columns;  // Hv Dk Dv
    int64 state_column;   // of this head and slice

    template <typename T>
    RM_DEVICE static Place of(const DeltaRuleInputsOf<T>& inputs) {
        const int slices = (inputs.value_dim + inputs.slice - 1) / inputs.slice;
        const int index = static_cast<int>(blockIdx.x), per_item = slices * inputs.value_heads;
        Place at;
        at.item = DeltaRuleItem::read(inputs.items, index / per_item);
        at.head = index % per_item / slices;
        at.slice = index % slices;
        at.key_head = at.head / (inputs.value_heads / inputs.key_heads);
        at.first = at.slice * inputs.slice;
        at.width = minimum(inputs.slice, inputs.value_dim - at.first);
        at.keys = (inputs.key_dim + 7) / 8 * 8;
        at.values = inputs.slice;
        const int64 head_states = static_cast<int64>(inputs.key_dim) * inputs.value_dim;
        at.state_columns = inputs.value_heads * head_states;
        at.state_column = at.head * head_states + at.first;
        return at;
    }
};

/// sum[r][c] += sum_k left(warp + 8 r, k) right(k, first + lane + 32 c): a warp has every eighth row, a lane every 32nd column.
/// Columns from `columns` on repeat the last one.
template <int kRows, int kColumns, typename Left, typename Right>
RM_DEVICE void multiply(float (&sum)[kRows][kColumns], int first, int columns, int depth, Left left, Right right) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    for (int k = 0; k < depth; k++) {
        float a[kRows], b[kColumns];
#pragma unroll
        for (int c = 0; c < kColumns; c++) b[c] = right(k, minimum(first + lane + kWarpSize * c, columns - 1));
#pragma unroll
        for (int r = 0; r < kRows; r++) a[r] = left(warp + kWarps * r, k);
#pragma unroll
        for (int r = 0; r < kRows; r++) {
#pragma unroll
            for (int c = 0; c < kColumns; c++) sum[r][c] = fmaf(a[r], b[c], sum[r][c]);
        }
    }
}

/// state = factor state + sum_i left(i, row) right(i, column) over the piece's tokens, for a matrix of whole kRows by kColumns
/// tiles.
template <int kRows, int kColumns, typename Left, typename Right>
RM_DEVICE void advance(SharedPtr<float> state, int stride, int rows, int columns, float factor, Left left, Right right) {
    const int down = rows / kRows, across = columns / kColumns;
    for (int tile = static_cast<int>(threadIdx.x); tile < down * across; tile += kThreads) {
        const int row = tile / across, column = tile - row * across;
        float sum[kRows][kColumns];
#pragma unroll
        for (int r = 0; r < kRows; r++) {
#pragma unroll
            for (int c = 0; c < kColumns; c++) sum[r][c] = factor * state[(row + r * down) * stride + column + c * across];
        }
#pragma unroll 1
        for (int i = 0; i < kPiece; i++) {
            float a[kRows], b[kColumns];
#pragma unroll
            for (int r = 0; r < kRows; r++) a[r] = left(i, row + r * down);
#pragma unroll
            for (int c = 0; c < kColumns; c++) b[c] = right(i, column + c * across);
#pragma unroll
            for (int r = 0; r < kRows; r++) {
#pragma unroll
                for (int c = 0; c < kColumns; c++) sum[r][c] = fmaf(a[r], b[c], sum[r][c]);
            }
        }
#pragma unroll
        for (int r = 0; r < kRows; r++) {
#pragma unroll
            for (int c = 0; c < kColumns; c++) state[(row + r * down) * stride + column + c * across] = sum[r][c];
        }
    }
}

/// This block's part of a state [Dk, Dv] in global memory, with zeros around it; null: all zeros.
RM_DEVICE void load_state(GlobalPtr<const float> from, const Place& at, int key_dim, int value_dim, SharedPtr<float> state,
                          int stride) {
    for (int i = static_cast<int>(threadIdx.x); i < at.keys * at.values; i += kThreads) {
        const int row = i / at.values, column = i - row * at.values;
        float value = 0.0f;
        if (from != nullptr && row < key_dim && column < at.width) value = from[static_cast<int64>(row) * value_dim + column];
        state[row * stride + column] = value;
    }
}

RM_DEVICE void store_state(SharedPtr<float> state, int stride, const Place& at, int key_dim, int value_dim, GlobalPtr<float> to) {
    for (int i = static_cast<int>(threadIdx.x); i < key_dim * at.values; i += kThreads) {
        const int row = i / at.values, column = i - row * at.values;
        if (column < at.width) to[static_cast<int64>(row) * value_dim + column] = state[row * stride + column];
    }
}

/// A piece's tokens in shared memory. Rows behind `count` are zero, and so are their beta and g.
struct Piece {
    SharedPtr<float> units;       // [32, keys + 1]: unit keys, then unit queries over sqrt(Dk)
    SharedPtr<float> square;      // [16, 17]: -A below the diagonal; B transposed on it and above
    SharedPtr<float> beta;        // [16]
    SharedPtr<float> from_start;  // [16]: e^gamma
    SharedPtr<float> to_end;      // [16]: e^(gamma_last - gamma)
    SharedPtr<double> gamma;      // [16]
    int unit_stride;
    int row, count;

    RM_DEVICE float key(int token, int column) const { return units[token * unit_stride + column]; }
    RM_DEVICE float query(int token, int column) const { return units[(kPiece + token) * unit_stride + column]; }
    RM_DEVICE float minus_a(int row_, int column) const { return square[row_ * kSquare + column]; }
    RM_DEVICE float b(int row_, int column) const { return square[column * kSquare + row_]; }
    RM_DEVICE float decay(int later, int earlier) const { return expf(static_cast<float>(gamma[later] - gamma[earlier])); }

    /// Once, before the first piece: compilers widen loads of a row past what is asked of it.
    RM_DEVICE void clear_square() const {
        for (int i = static_cast<int>(threadIdx.x); i < kPiece * kSquare; i += kThreads) square[i] = 0.0f;
    }

    /// By one warp. g and its sums in double, of which there is one a token: what lies between two tokens is a difference of two
    /// sums.
    template <typename T>
    RM_DEVICE void load_gates(const DeltaRuleInputsOf<T>& inputs, int head) const {
        const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
        double g = 0.0;
        float strength = 0.0f;
        if (lane < count) {
            const int64 token = row + lane;
            const double x = static_cast<double>(to_float(inputs.a[token * inputs.a_stride + head])) + inputs.dt_bias[head];
            g = -exp(static_cast<double>(inputs.a_log[head])) * (maximum(x, 0.0) + log1p(exp(-fabs(x))));
            strength = sigmoid(to_float(inputs.b[token * inputs.b_stride + head]));
        }
        double sum = 0.0;
        for (int i = 0; i < kPiece; i++) {
            const double other = __shfl_sync(kFullWarp, g, i);
            if (i <= lane) sum += other;
        }
        const double last = __shfl_sync(kFullWarp, sum, kPiece - 1);
        if (lane < kPiece) {
            gamma[lane] = sum;
            beta[lane] = strength;
            from_start[lane] = expf(static_cast<float>(sum));
            to_end[lane] = expf(static_cast<float>(last - sum));
        }
    }

    /// Unit keys and queries, or keys alone; a warp has every eighth row.
    template <bool kQueries, typename T>
    RM_DEVICE void load_units(const DeltaRuleInputsOf<T>& inputs, const Place& at) const {
        const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
        for (int r = warp; r < (kQueries ? 2 * kPiece : kPiece); r += kWarps) {
            const bool is_key = r < kPiece;
            const int token = r % kPiece;
            const SharedPtr<float> to = units + r * unit_stride;
            const int column = (is_key ? inputs.key_heads + at.key_head : at.key_head) * inputs.key_dim;
            float squares = 0.0f;
            for (int c = lane; c < at.keys; c += kWarpSize) {
                float value = 0.0f;
                if (token < count && c < inputs.key_dim) {
                    value = to_float(inputs.qkv[static_cast<int64>(row + token) * inputs.qkv_stride + column + c]);
                }
                to[c] = value;
                squares += value * value;
            }
            float scale = 1.0f / sqrtf(warp_sum(squares) + inputs.epsilon);
            if (!is_key) scale *= 1.0f / sqrtf(static_cast<float>(inputs.key_dim));
            for (int c = lane; c < at.keys; c += kWarpSize) to[c] = scale * to[c];
        }
    }

    /// -A and B, or -A alone, a thread an element.
    template <bool kQueries>
    RM_DEVICE void load_square(int keys) const {
        const int i = static_cast<int>(threadIdx.x) / kPiece, j = static_cast<int>(threadIdx.x) % kPiece;
        if (j > i) return;
        float of_keys = 0.0f, of_query = 0.0f;
        for (int k = 0; k < keys; k++) {
            const float other = key(j, k);
            of_keys = fmaf(key(i, k), other, of_keys);
            if (kQueries) of_query = fmaf(query(i, k), other, of_query);
        }
        const float between = decay(i, j);
        if (j < i) square[i * kSquare + j] = -beta[i] * between * of_keys;
        if (kQueries) square[j * kSquare + i] = between * of_query;
    }

    /// U from beta (V - e^gamma K S) in its place, a thread a column.
    RM_DEVICE void solve(SharedPtr<float> u, int stride, int columns) const {
        const int column = static_cast<int>(threadIdx.x);
        if (column >= columns) return;
        float values[kPiece];
#pragma unroll
        for (int i = 0; i < kPiece; i++) {
            float value = u[i * stride + column];
#pragma unroll
            for (int j = 0; j < i; j++) value = fmaf(minus_a(i, j), values[j], value);
            values[i] = value;
            u[i * stride + column] = value;
        }
    }
};

/// First of this block's columns of values in qkv.
template <typename T>
RM_DEVICE int value_column(const DeltaRuleInputsOf<T>& inputs, const Place& at) {
    return 2 * inputs.key_heads * inputs.key_dim + at.head * inputs.value_dim + at.first;
}

template <typename T>
RM_DEVICE float value(const DeltaRuleInputsOf<T>& inputs, const Place& at, const Piece& piece, int token, int column) {
    if (token >= piece.count || column >= at.width) return 0.0f;
    return to_float(inputs.qkv[static_cast<int64>(piece.row + token) * inputs.qkv_stride + value_column(inputs, at) + column]);
}

}  // namespace delta_rule
