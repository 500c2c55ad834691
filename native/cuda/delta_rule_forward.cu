// The gated delta rule (Yang, Kautz and Hatamizadeh 2024) over each sequence and value head, in pieces of sixteen tokens
// (common/delta_rule.cuh).
//
//   S = 0 at the start [Dk, Dv];  P = e^g S,  u = beta (v - P^T k),  S = P + k u^T,  o = S^T q
//   k, q at unit length, q over sqrt(Dk);  beta = sigmoid(b),  g = -exp(a_log) softplus(a + dt_bias)
//
// A tail begins with the state at its prefix's end: one launch for segments without a prefix, one for tails.
//
// Shapes: qkv [T, 2 Hk Dk + Hv Dv], a, b [T, Hv], o [T, Hv Dv] with row strides in elements, float32 or bfloat16 (the kernel's
// suffix); a_log, dt_bias [Hv], states [chunks, Hv Dk Dv] at the start of every chunk of every segment, float32. Outputs: o =,
// states = (unless null). Arithmetic in float32, sums of g in double. Deterministic: pieces are cut from the starts of segments.
//
// Launch: grid (items * Hv * slices), block 256, dynamic shared memory as CudaDeltaRuleTiles has it. A block has `slice` columns
// of a value head's states, at most 128. Not yet timed on a GPU.
#include "common/delta_rule.cuh"
#include "common/launch.cuh"

using delta_rule::kPiece;
using delta_rule::kSquare;
using delta_rule::kThreads;
using delta_rule::kWarps;
using delta_rule::Piece;
using delta_rule::Place;

template <typename T>
struct DeltaRuleForwardOf {
    DeltaRuleInputsOf<T> inputs;
    GlobalPtr<T> o;
    GlobalPtr<float> states;
    GlobalPtr<float> prefix_ends;  // [prefixes, Hv Dk Dv]: states at the ends of prefixes
    int32 o_stride;
    int32 tails;  // 1: the items are tails
};
using DeltaRuleForwardArgs = DeltaRuleForwardOf<bfloat16>;

namespace {

template <typename T>
RM_DEVICE void forward(const DeltaRuleForwardOf<T>& args) {
    constexpr int kColumns = 4;  // a slice has at most 128
    RM_DYNAMIC_SHARED(memory);
    RM_SHARED(double, gamma, kPiece);
    const DeltaRuleInputsOf<T>& inputs = args.inputs;
    const Place at = Place::of(inputs);
    const int keys = at.keys, values = at.values, lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const int warp = static_cast<int>(threadIdx.x) / kWarpSize;
    Piece piece;
    piece.unit_stride = keys + 1;
    const SharedPtr<float> state = shared_cast<float>(memory), u = state + keys * values;
    piece.units = u + kPiece * values;
    piece.square = piece.units + 2 * kPiece * piece.unit_stride;
    piece.beta = piece.square + kPiece * kSquare;
    piece.from_start = piece.beta + kPiece;
    piece.to_end = piece.from_start + kPiece;
    piece.gamma = gamma;
    piece.clear_square();

    GlobalPtr<const float> first = nullptr;
    if (args.tails != 0) first = args.prefix_ends + (at.item.prefix * at.state_columns + at.state_column);
    delta_rule::load_state(first, at, inputs.key_dim, inputs.value_dim, state, values);
    for (int start = 0; start < at.item.length; start += kPiece) {
        piece.row = at.item.start + start;
        piece.count = minimum(kPiece, at.item.length - start);
        __syncthreads();  // the state is there, and the piece before is done with
        if (args.states != nullptr && start % inputs.chunk == 0) {
            const int64 chunk = at.item.first_chunk + start / inputs.chunk;
            delta_rule::store_state(state, values, at, inputs.key_dim, inputs.value_dim,
                                    args.states + (chunk * at.state_columns + at.state_column));
        }
        if (warp == 0) piece.load_gates(inputs, at.head);
        piece.load_units<true>(inputs, at);
        __syncthreads();  // keys, queries and gates are there

        piece.load_square<true>(keys);
        float sums[4][kColumns] = {};  // of two keys and two queries
        delta_rule::multiply(
            sums, 0, values, keys, [&](int row, int k) { return piece.units[row * piece.unit_stride + k]; },
            [&](int k, int column) { return state[k * values + column]; });
#pragma unroll
        for (int r = 0; r < 2; r++) {
            const int token = warp + kWarps * r;
            const float decay = piece.from_start[token], beta = piece.beta[token];
#pragma unroll
            for (int c = 0; c < kColumns; c++) {
                const int column = lane + kWarpSize * c;
                if (column < values) {
                    u[token * values + column] = beta * (value(inputs, at, piece, token, column) - decay * sums[r][c]);
                }
                sums[2 + r][c] *= decay;
            }
        }
        __syncthreads();  // both squares and the right side are there
        piece.solve(u, values, values);
        __syncthreads();  // U is there

#pragma unroll
        for (int r = 0; r < 2; r++) {
            const int token = warp + kWarps * r;
            if (token >= piece.count) continue;
            for (int j = 0; j <= token; j++) {
                const float b = piece.b(token, j);
#pragma unroll
                for (int c = 0; c < kColumns; c++) {
                    sums[2 + r][c] += b * u[j * values + minimum(lane + kWarpSize * c, values - 1)];
                }
            }
            const GlobalPtr<T> o =
                args.o + (static_cast<int64>(piece.row + token) * args.o_stride + at.head * inputs.value_dim + at.first);
#pragma unroll
            for (int c = 0; c < kColumns; c++) {
                const int column = lane + kWarpSize * c;
                if (column < at.width) o[column] = from_float<T>(sums[2 + r][c]);
            }
        }
        delta_rule::advance<8, 8>(
            state, values, keys, values, piece.from_start[piece.count - 1], [&](int i, int row) { return piece.key(i, row); },
            [&](int i, int column) { return piece.to_end[i] * u[i * values + column]; });
    }
    if (at.item.tails == 0) return;
    __syncthreads();  // the last state is there
    delta_rule::store_state(state, values, at, inputs.key_dim, inputs.value_dim,
                            args.prefix_ends + (at.item.prefix * at.state_columns + at.state_column));
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads, 1) delta_rule_forward_bf16(DeltaRuleForwardOf<bfloat16> args) {
    forward(args);
}

extern "C" __global__ void __launch_bounds__(kThreads, 1) delta_rule_forward_f32(DeltaRuleForwardOf<float> args) {
    forward(args);
}

RM_KERNEL(delta_rule_forward_bf16, kThreads)
RM_KERNEL(delta_rule_forward_f32, kThreads)

RM_LAYOUT(DeltaRuleInputs, RM_FIELD(DeltaRuleInputs, qkv), RM_FIELD(DeltaRuleInputs, a), RM_FIELD(DeltaRuleInputs, b),
          RM_FIELD(DeltaRuleInputs, a_log), RM_FIELD(DeltaRuleInputs, dt_bias), RM_FIELD(DeltaRuleInputs, items),
          RM_FIELD(DeltaRuleInputs, qkv_stride), RM_FIELD(DeltaRuleInputs, a_stride), RM_FIELD(DeltaRuleInputs, b_stride),
          RM_FIELD(DeltaRuleInputs, key_heads), RM_FIELD(DeltaRuleInputs, value_heads), RM_FIELD(DeltaRuleInputs, key_dim),
          RM_FIELD(DeltaRuleInputs, value_dim), RM_FIELD(DeltaRuleInputs, chunk), RM_FIELD(DeltaRuleInputs, slice),
          RM_FIELD(DeltaRuleInputs, epsilon))
RM_LAYOUT(DeltaRuleForwardArgs, RM_FIELD(DeltaRuleForwardArgs, inputs), RM_FIELD(DeltaRuleForwardArgs, o),
          RM_FIELD(DeltaRuleForwardArgs, states), RM_FIELD(DeltaRuleForwardArgs, prefix_ends),
          RM_FIELD(DeltaRuleForwardArgs, o_stride), RM_FIELD(DeltaRuleForwardArgs, tails))
