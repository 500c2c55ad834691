// Gradient of delta_rule_forward.cu, piece by piece from the last to the first (common/delta_rule.cuh). G is the gradient of a
// piece's last state; with y = (I + A)^-T (e^(gamma_last - gamma) K G + B^T dO):
//
//   dv = beta y,   dA = -beta y U^T e^(gamma_i - gamma_j),   dB = dO U^T e^(gamma_i - gamma_j)
//   dq = e^gamma dO S^T + dB K,   dk = e^(gamma_last - gamma) U G^T - beta e^gamma y S^T + (dA + dA^T) K + dB^T Q
//   G <- e^gamma_last G + Q^T (e^gamma dO) - K^T (beta e^gamma y)
//
// What reaches g between two tokens is added up as such, not as a difference of sums, which cancels where gates are strong. A
// prefix's last state receives the sum over its tails in row order: one launch for tails, then one for the others.
//
// Shapes: as in forward; d_out [T, Hv Dv], dqkv like qkv, with row strides in elements. A block has `slice` columns of a value
// head, at most 64, and writes its values' gradients, dqkv =, and its part of the gradients of q, k, g and beta: units =, gates =
// (float32), which delta_rule_gradients.cu adds up. Between kept states it makes each piece's first state again and leaves it in
// `inner`. Arithmetic in float32, sums of g in double. Deterministic.
//
// Launch: grid (items * Hv * slices), block 256, dynamic shared memory as CudaDeltaRuleTiles has it. Not yet timed on a GPU.
#include "common/delta_rule.cuh"
#include "common/launch.cuh"

using delta_rule::kPiece;
using delta_rule::kSquare;
using delta_rule::kThreads;
using delta_rule::kWarps;
using delta_rule::Piece;
using delta_rule::Place;

template <typename T>
struct DeltaRuleBackwardOf {
    DeltaRuleInputsOf<T> inputs;
    GlobalPtr<const T> d_out;
    GlobalPtr<const float> states;
    GlobalPtr<T> dqkv;             // the values' part
    GlobalPtr<float> units;        // [slices, T, Hv, 2 Dk] =: gradients of q and k at unit length
    GlobalPtr<double> gates;       // [slices, 2, Hv, T] =: gradients of g, and of beta times beta
    GlobalPtr<float> tail_starts;  // [tails, Hv Dk Dv]: gradients of the first states of tails
    GlobalPtr<float> inner;        // [blocks of the launch, chunk / 16 - 1, Dk, Dv]
    int32 d_out_stride;
    int32 dqkv_stride;
    int32 tokens;
    int32 tails;  // 1: the items are tails
};
using DeltaRuleBackwardArgs = DeltaRuleBackwardOf<bfloat16>;

namespace {

/// Shared memory of backward beside the piece's.
struct BackwardTiles {
    SharedPtr<float> state;      // [keys, 2 values + 1], S in the first columns, G in the next
    SharedPtr<float> d_out;      // [16, values]
    SharedPtr<float> y;          // [16, values]
    SharedPtr<float> u;          // [16, values + 1]
    SharedPtr<float> through_a;  // [16, 17]: y_i . u_j times -A
    SharedPtr<float> between;    // [16, 17]: what reaches the decay from j to i
    SharedPtr<float> from;       // [16]: what reaches a token's decay from the first state
    SharedPtr<float> end;        // [16]: what reaches the decay from a token to the last state
    SharedPtr<float> d_beta;     // [16]: beta times the gradient of beta, but for through_a
    SharedPtr<float> scratch;    // [32]
    int stride;                  // of state
};

// The right side of U and, with `kGradient`, of y. `sums`: K S, then K G, of this warp's rows and lanes' columns; `v`: their
// values.
template <bool kGradient, typename T>
RM_DEVICE void right_side(const DeltaRuleInputsOf<T>& inputs, const Place& at, const Piece& piece, const BackwardTiles& tiles,
                          float (&sums)[2][4], float (&v)[2][2]) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const int values = at.values;
    for (int k = 0; k < at.keys; k++) {
        float right[4], left[2];
#pragma unroll
        for (int c = 0; c < 2; c++) {
            const int column = minimum(lane + kWarpSize * c, values - 1);
            right[c] = tiles.state[k * tiles.stride + column];
            right[2 + c] = 0.0f;
            if (kGradient) right[2 + c] = tiles.state[k * tiles.stride + values + column];
        }
#pragma unroll
        for (int r = 0; r < 2; r++) left[r] = piece.key(warp + kWarps * r, k);
#pragma unroll
        for (int r = 0; r < 2; r++) {
#pragma unroll
            for (int c = 0; c < 4; c++) sums[r][c] = fmaf(left[r], right[c], sums[r][c]);
        }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        const int token = warp + kWarps * r;
#pragma unroll
        for (int c = 0; c < 2; c++) {
            const int column = lane + kWarpSize * c;
            v[r][c] = value(inputs, at, piece, token, column);
            if (column >= values) continue;
            tiles.u[token * (values + 1) + column] = piece.beta[token] * (v[r][c] - piece.from_start[token] * sums[r][c]);
            if (kGradient) tiles.y[token * values + column] = piece.to_end[token] * sums[r][2 + c];
        }
    }
}

// y from e^(gamma_last - gamma) K G in its place; threads after those of the solve of U, a column each.
RM_DEVICE void solve_transposed(const Piece& piece, const BackwardTiles& tiles, int columns) {
    const int column = static_cast<int>(threadIdx.x) - kThreads / 2;
    if (column < 0 || column >= columns) return;
    float y[kPiece];
#pragma unroll
    for (int i = 0; i < kPiece; i++) y[i] = tiles.y[i * columns + column];
#pragma unroll
    for (int j = 0; j < kPiece; j++) {
        const float gradient = tiles.d_out[j * columns + column];
#pragma unroll
        for (int i = 0; i <= j; i++) y[i] = fmaf(piece.b(j, i), gradient, y[i]);
    }
#pragma unroll
    for (int i = kPiece - 1; i >= 0; i--) {
#pragma unroll
        for (int j = i + 1; j < kPiece; j++) y[i] = fmaf(piece.minus_a(j, i), y[j], y[i]);
        tiles.y[i * columns + column] = y[i];
    }
}

// dA and dB in the place of -A and B transposed, a thread an element.
RM_DEVICE void square_gradients(const Piece& piece, const BackwardTiles& tiles, int values) {
    const int i = static_cast<int>(threadIdx.x) / kPiece, j = static_cast<int>(threadIdx.x) % kPiece;
    if (j > i) return;
    float of_a = 0.0f, of_b = 0.0f;
    for (int c = 0; c < values; c++) {
        const float u = tiles.u[j * (values + 1) + c];
        of_a = fmaf(tiles.y[i * values + c], u, of_a);
        of_b = fmaf(tiles.d_out[i * values + c], u, of_b);
    }
    const float decay = piece.decay(i, j);
    float through_a = 0.0f;
    if (j < i) {
        through_a = of_a * piece.minus_a(i, j);
        piece.square[i * kSquare + j] = -piece.beta[i] * of_a * decay;
    }
    tiles.through_a[i * kSquare + j] = through_a;
    tiles.between[i * kSquare + j] = through_a + of_b * piece.b(i, j);
    piece.square[j * kSquare + i] = of_b * decay;
}

// This slice's gradients of q and k at unit length, and what the gates get through the piece's first state by way of q.
template <typename T>
RM_DEVICE void unit_gradients(const DeltaRuleBackwardOf<T>& args, const Place& at, const Piece& piece,
                              const BackwardTiles& tiles) {
    constexpr int kColumns = 4;
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize, warp = static_cast<int>(threadIdx.x) / kWarpSize;
    const int keys = at.keys, values = at.values, key_dim = args.inputs.key_dim;
    float reached[2] = {};
    for (int first = 0; first < keys; first += kColumns * kWarpSize) {
        float dq[2][kColumns] = {}, dk[2][kColumns] = {};
        auto key_column = [&](int c) { return minimum(first + lane + kWarpSize * c, keys - 1); };
        for (int k = 0; k < values; k++) {
            float d_out[2], u[2], y[2];
#pragma unroll
            for (int r = 0; r < 2; r++) {
                const int token = warp + kWarps * r;
                d_out[r] = tiles.d_out[token * values + k];
                u[r] = piece.to_end[token] * tiles.u[token * (values + 1) + k];
                y[r] = piece.beta[token] * piece.from_start[token] * tiles.y[token * values + k];
            }
#pragma unroll
            for (int c = 0; c < kColumns; c++) {
                const int at_key = key_column(c) * tiles.stride + k;
                const float s = tiles.state[at_key], g = tiles.state[at_key + values];
#pragma unroll
                for (int r = 0; r < 2; r++) {
                    dq[r][c] = fmaf(d_out[r], s, dq[r][c]);
                    dk[r][c] = fmaf(u[r], g, fmaf(-y[r], s, dk[r][c]));
                }
            }
        }
#pragma unroll
        for (int r = 0; r < 2; r++) {
            const int token = warp + kWarps * r;
#pragma unroll
            for (int c = 0; c < kColumns; c++) {
                dq[r][c] *= piece.from_start[token];
                if (first + lane + kWarpSize * c < keys)
                    reached[r] = fmaf(dq[r][c], piece.query(token, key_column(c)), reached[r]);
            }
            if (token >= piece.count) continue;
            for (int j = 0; j < kPiece; j++) {
                const float lower = piece.square[maximum(token, j) * kSquare + minimum(token, j)];  // dA; on the diagonal dB
                const float upper = piece.square[minimum(token, j) * kSquare + maximum(token, j)];  // dB
#pragma unroll
                for (int c = 0; c < kColumns; c++) {
                    const float key = piece.key(j, key_column(c));
                    if (j != token) dk[r][c] = fmaf(lower, key, dk[r][c]);
                    if (j <= token) dq[r][c] = fmaf(upper, key, dq[r][c]);
                    if (j >= token) dk[r][c] = fmaf(upper, piece.query(j, key_column(c)), dk[r][c]);
                }
            }
            const int64 row = static_cast<int64>(at.slice) * args.tokens + piece.row + token;
            const GlobalPtr<float> to = args.units + (row * args.inputs.value_heads + at.head) * 2 * key_dim;
#pragma unroll
            for (int c = 0; c < kColumns; c++) {
                const int column = first + lane + kWarpSize * c;
                if (column < key_dim) {
                    to[column] = dq[r][c];
                    to[key_dim + column] = dk[r][c];
                }
            }
        }
    }
#pragma unroll
    for (int r = 0; r < 2; r++) {
        const float sum = warp_sum(reached[r]);
        if (lane == 0) tiles.from[warp + kWarps * r] += sum;
    }
}

// Gradients of g and beta, by one warp. `past` goes from the first state past the whole piece.
template <typename T>
RM_DEVICE void finish_gates(const DeltaRuleBackwardOf<T>& args, const Place& at, const Piece& piece, const BackwardTiles& tiles,
                            float past) {
    const int token = static_cast<int>(threadIdx.x) % kWarpSize;
    if (token >= piece.count) return;
    double d_gate = past, d_beta = tiles.d_beta[token];
    for (int i = 0; i < token; i++) d_gate += tiles.end[i];
    for (int i = token; i < piece.count; i++) {
        d_gate += tiles.from[i];
        for (int j = 0; j < token; j++) d_gate += tiles.between[i * kSquare + j];
    }
    for (int j = 0; j < token; j++) d_beta += tiles.through_a[token * kSquare + j];
    const int64 row = static_cast<int64>(at.slice) * 2 * args.inputs.value_heads + at.head;
    args.gates[row * args.tokens + piece.row + token] = d_gate;
    args.gates[(row + args.inputs.value_heads) * args.tokens + piece.row + token] = d_beta;
}

// One piece, whose first state is in shared memory beside G; leaves the gradient of that state as G.
template <typename T>
RM_DEVICE void backward_piece(const DeltaRuleBackwardOf<T>& args, const Place& at, const Piece& piece,
                              const BackwardTiles& tiles) {
    const DeltaRuleInputsOf<T>& inputs = args.inputs;
    const int keys = at.keys, values = at.values, lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
    if (warp == 0) piece.load_gates(inputs, at.head);
    piece.load_units<true>(inputs, at);
    for (int i = static_cast<int>(threadIdx.x); i < kPiece * values; i += kThreads) {
        const int token = i / values, column = i - token * values;
        float gradient = 0.0f;
        if (token < piece.count && column < at.width) {
            gradient = to_float(args.d_out[static_cast<int64>(piece.row + token) * args.d_out_stride +
                                           at.head * inputs.value_dim + at.first + column]);
        }
        tiles.d_out[i] = gradient;
    }
    __syncthreads();  // the piece's inputs and its first state are there

    piece.load_square<true>(keys);
    float sums[2][4] = {}, v[2][2];
    right_side<true>(inputs, at, piece, tiles, sums, v);
    float product = 0.0f;
    for (int i = static_cast<int>(threadIdx.x); i < keys * values; i += kThreads) {
        const int row = i / values, column = i - row * values;
        product = fmaf(tiles.state[row * tiles.stride + column], tiles.state[row * tiles.stride + values + column], product);
    }
    const float past = piece.from_start[piece.count - 1] * block_sum(product, tiles.scratch);
    __syncthreads();  // both squares and right sides are there
    piece.solve(tiles.u, values + 1, values);
    solve_transposed(piece, tiles, values);
    __syncthreads();  // U and y are there

#pragma unroll
    for (int r = 0; r < 2; r++) {
        const int token = warp + kWarps * r;
        float of_state = 0.0f, of_value = 0.0f, of_end = 0.0f;
        const float beta = piece.beta[token];
#pragma unroll
        for (int c = 0; c < 2; c++) {
            const int column = lane + kWarpSize * c;
            if (column >= values) continue;
            const float y = tiles.y[token * values + column];
            of_state = fmaf(y, sums[r][c], of_state);
            of_value = fmaf(y, v[r][c], of_value);
            of_end = fmaf(sums[r][2 + c], tiles.u[token * (values + 1) + column], of_end);
            if (token < piece.count && column < at.width) {
                args.dqkv[static_cast<int64>(piece.row + token) * args.dqkv_stride + value_column(inputs, at) + column] =
                    from_float<T>(beta * y);
            }
        }
        of_state = piece.from_start[token] * warp_sum(of_state);
        of_value = warp_sum(of_value);
        of_end = piece.to_end[token] * warp_sum(of_end);
        if (lane == 0) {
            tiles.from[token] = -beta * of_state;
            tiles.d_beta[token] = beta * (of_value - of_state);
            tiles.end[token] = of_end;
        }
    }
    square_gradients(piece, tiles, values);
    __syncthreads();  // dA and dB are there

    unit_gradients(args, at, piece, tiles);
    __syncthreads();  // the gates have all they get, and G has been read

    if (warp == 0) finish_gates(args, at, piece, tiles, past);
    delta_rule::advance<4, 8>(
        tiles.state + values, tiles.stride, keys, values, piece.from_start[piece.count - 1],
        [&](int i, int row) { return piece.from_start[i] * piece.query(i, row); },
        [&](int i, int column) { return tiles.d_out[i * values + column]; });
    delta_rule::advance<4, 8>(
        tiles.state + values, tiles.stride, keys, values, 1.0f,
        [&](int i, int row) { return -piece.beta[i] * piece.from_start[i] * piece.key(i, row); },
        [&](int i, int column) { return tiles.y[i * values + column]; });
    __syncthreads();  // the piece is done with
}

// From a piece's first state to the next one's, in place.
template <typename T>
RM_DEVICE void advance_state(const DeltaRuleBackwardOf<T>& args, const Place& at, const Piece& piece,
                             const BackwardTiles& tiles) {
    if (threadIdx.x < kWarpSize) piece.load_gates(args.inputs, at.head);
    piece.load_units<false>(args.inputs, at);
    __syncthreads();  // keys, gates and the state are there
    piece.load_square<false>(at.keys);
    float sums[2][4] = {}, v[2][2];
    right_side<false>(args.inputs, at, piece, tiles, sums, v);
    __syncthreads();  // the square and the right side are there
    piece.solve(tiles.u, at.values + 1, at.values);
    __syncthreads();  // U is there
    delta_rule::advance<4, 8>(
        tiles.state, tiles.stride, at.keys, at.values, piece.from_start[kPiece - 1],
        [&](int i, int row) { return piece.key(i, row); },
        [&](int i, int column) { return piece.to_end[i] * tiles.u[i * (at.values + 1) + column]; });
    __syncthreads();  // the next state is there
}

template <typename T>
RM_DEVICE void backward(const DeltaRuleBackwardOf<T>& args) {
    RM_DYNAMIC_SHARED(memory);
    RM_SHARED(double, gamma, kPiece);
    const DeltaRuleInputsOf<T>& inputs = args.inputs;
    const Place at = Place::of(inputs);
    const int keys = at.keys, values = at.values, key_dim = inputs.key_dim, value_dim = inputs.value_dim;
    Piece piece;
    BackwardTiles tiles;
    tiles.stride = 2 * values + 1;
    tiles.state = shared_cast<float>(memory);
    tiles.d_out = tiles.state + keys * tiles.stride;
    tiles.y = tiles.d_out + kPiece * values;
    tiles.u = tiles.y + kPiece * values;
    tiles.through_a = tiles.u + kPiece * (values + 1);
    tiles.between = tiles.through_a + kPiece * kSquare;
    tiles.from = tiles.between + kPiece * kSquare;
    tiles.end = tiles.from + kPiece;
    tiles.d_beta = tiles.end + kPiece;
    tiles.scratch = tiles.d_beta + kPiece;
    piece.unit_stride = keys + 1;
    piece.units = tiles.scratch + kWarpSize;
    piece.square = piece.units + 2 * kPiece * piece.unit_stride;
    piece.beta = piece.square + kPiece * kSquare;
    piece.from_start = piece.beta + kPiece;
    piece.to_end = piece.from_start + kPiece;
    piece.gamma = gamma;
    piece.clear_square();

    // A prefix's last state receives the sum over its tails.
    const SharedPtr<float> gradient = tiles.state + values;
    for (int i = static_cast<int>(threadIdx.x); i < keys * values; i += kThreads) {
        const int row = i / values, column = i - row * values;
        float sum = 0.0f;
        for (int tail = at.item.first_tail; tail < at.item.first_tail + at.item.tails; tail++) {
            if (row >= key_dim || column >= at.width) break;
            sum += args.tail_starts[tail * at.state_columns + at.state_column + static_cast<int64>(row) * value_dim + column];
        }
        gradient[row * tiles.stride + column] = sum;
    }

    const int64 state_size = static_cast<int64>(key_dim) * value_dim;
    const GlobalPtr<float> inner = args.inner + blockIdx.x * (inputs.chunk / kPiece - 1) * state_size;
    const int chunks = (at.item.length + inputs.chunk - 1) / inputs.chunk;
    for (int chunk = chunks - 1; chunk >= 0; chunk--) {
        const int start = chunk * inputs.chunk, length = minimum(inputs.chunk, at.item.length - start);
        const int pieces = (length + kPiece - 1) / kPiece;
        const GlobalPtr<const float> first = args.states + ((at.item.first_chunk + chunk) * at.state_columns + at.state_column);
        delta_rule::load_state(first, at, key_dim, value_dim, tiles.state, tiles.stride);
        for (int p = 0; p < pieces - 1; p++) {
            piece.row = at.item.start + start + p * kPiece;
            piece.count = kPiece;
            advance_state(args, at, piece, tiles);
            if (p < pieces - 2)
                delta_rule::store_state(tiles.state, tiles.stride, at, key_dim, value_dim, inner + p * state_size);
        }
        for (int p = pieces - 1; p >= 0; p--) {
            if (p < pieces - 1) {
                GlobalPtr<const float> kept = first;
                if (p > 0) kept = inner + (p - 1) * state_size;
                delta_rule::load_state(kept, at, key_dim, value_dim, tiles.state, tiles.stride);
            }
            piece.row = at.item.start + start + p * kPiece;
            piece.count = minimum(kPiece, length - p * kPiece);
            backward_piece(args, at, piece, tiles);
        }
    }
    if (args.tails == 0) return;
    delta_rule::store_state(gradient, tiles.stride, at, key_dim, value_dim,
                            args.tail_starts + (at.item.first_tail * at.state_columns + at.state_column));
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 1) delta_rule_backward_bf16(DeltaRuleBackwardOf<bfloat16> args) {
    backward(args);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1) delta_rule_backward_f32(DeltaRuleBackwardOf<float> args) {
    backward(args);
}

RM_KERNEL(delta_rule_backward_bf16, kThreads)
RM_KERNEL(delta_rule_backward_f32, kThreads)

RM_LAYOUT(DeltaRuleBackwardArgs, RM_FIELD(DeltaRuleBackwardArgs, inputs), RM_FIELD(DeltaRuleBackwardArgs, d_out),
          RM_FIELD(DeltaRuleBackwardArgs, states), RM_FIELD(DeltaRuleBackwardArgs, dqkv), RM_FIELD(DeltaRuleBackwardArgs, units),
          RM_FIELD(DeltaRuleBackwardArgs, gates), RM_FIELD(DeltaRuleBackwardArgs, tail_starts),
          RM_FIELD(DeltaRuleBackwardArgs, inner), RM_FIELD(DeltaRuleBackwardArgs, d_out_stride),
          RM_FIELD(DeltaRuleBackwardArgs, dqkv_stride), RM_FIELD(DeltaRuleBackwardArgs, tokens),
          RM_FIELD(DeltaRuleBackwardArgs, tails))
