// What the slices of delta_rule_backward.cu leave, added up.
//
//   keys:   d = sum over a group's heads and slices;  dq, dk = (d - x^ (x^ . d)) / |x|, x^ = x / |x|, dq also over sqrt(Dk)
//   gates:  da = -exp(a_log) sigmoid(a + dt_bias) dg,  db = (1 - beta) (beta dbeta);  da_log += sum_t g dg,  ddt_bias += sum_t da
//
// Shapes: units [slices, T, Hv, 2 Dk], gates [slices, 2, Hv, T] float64; qkv, dqkv [T, 2 Hk Dk + ..], a, b, da, db [T, Hv] with
// row strides in elements, float32 or bfloat16 (the kernel's suffix); a_log, dt_bias, da_log, ddt_bias [Hv] float32. Outputs:
// dqkv = (the part of q and k), da =, db =, da_log +=, ddt_bias += (unless null). Deterministic: slices within heads, tokens in a
// thread's order.
//
// Launch: keys: grid (ceil(2 T Hk / 8)), block 256, a warp a row of one head's queries or keys. gates: grid (Hv), block 256. Not
// yet timed on a GPU.
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/reduce.cuh"
#include "common/swiglu.cuh"

template <typename T>
struct DeltaRuleKeysOf {
    GlobalPtr<const float> units;
    GlobalPtr<const T> qkv;
    GlobalPtr<T> dqkv;
    int32 qkv_stride;
    int32 dqkv_stride;
    int32 tokens;
    int32 key_heads;
    int32 value_heads;
    int32 key_dim;
    int32 slices;
    float epsilon;
};
using DeltaRuleKeysArgs = DeltaRuleKeysOf<bfloat16>;

template <typename T>
struct DeltaRuleGatesOf {
    GlobalPtr<const double> gates;
    GlobalPtr<const T> a;
    GlobalPtr<const T> b;
    GlobalPtr<const float> a_log;
    GlobalPtr<const float> dt_bias;
    GlobalPtr<T> da;
    GlobalPtr<T> db;
    GlobalPtr<float> da_log;    // or null
    GlobalPtr<float> ddt_bias;  // or null
    int32 a_stride;
    int32 b_stride;
    int32 da_stride;
    int32 db_stride;
    int32 tokens;
    int32 slices;
};
using DeltaRuleGatesArgs = DeltaRuleGatesOf<bfloat16>;

namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarpSize;

// Through the scaling to unit length: with x^ = x / |x|, dx = (d - x^ (x^ . d)) / |x|, d summed over slices, then heads.
template <typename T>
RM_DEVICE void backward_keys(const DeltaRuleKeysOf<T>& args) {
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const int64 index = static_cast<int64>(blockIdx.x) * kWarps + static_cast<int>(threadIdx.x) / kWarpSize;
    const int64 row = index / (2 * args.key_heads);
    if (row >= args.tokens) return;  // whole warps
    const int part = static_cast<int>(index - row * 2 * args.key_heads), key_head = part % args.key_heads;
    const bool is_key = part >= args.key_heads;
    const int group = args.value_heads / args.key_heads;
    const GlobalPtr<const T> x = args.qkv + (row * args.qkv_stride + part * args.key_dim);
    const GlobalPtr<T> dx = args.dqkv + (row * args.dqkv_stride + part * args.key_dim);
    auto gradient = [&](int column) {
        float sum = 0.0f;
        for (int h = 0; h < group; h++) {
            for (int slice = 0; slice < args.slices; slice++) {
                const int64 from = (static_cast<int64>(slice) * args.tokens + row) * args.value_heads + key_head * group + h;
                sum += args.units[(from * 2 + (is_key ? 1 : 0)) * args.key_dim + column];
            }
        }
        return sum;
    };
    constexpr int kKept = 4;  // of a lane's columns, in registers
    float kept[kKept] = {};
    float squares = 0.0f, product = 0.0f;
    for (int block = 0; block * kKept * kWarpSize < args.key_dim; block++) {
#pragma unroll
        for (int c = 0; c < kKept; c++) {
            const int column = (block * kKept + c) * kWarpSize + lane;
            if (column >= args.key_dim) continue;
            const float value = to_float(x[column]), d = gradient(column);
            if (block == 0) kept[c] = d;
            squares += value * value;
            product += value * d;
        }
    }
    float factor = 1.0f;
    if (!is_key) factor = 1.0f / sqrtf(static_cast<float>(args.key_dim));
    const float scale = 1.0f / sqrtf(warp_sum(squares) + args.epsilon);
    const float along = factor * scale * warp_sum(product) * scale;
    for (int block = 0; block * kKept * kWarpSize < args.key_dim; block++) {
#pragma unroll
        for (int c = 0; c < kKept; c++) {
            const int column = (block * kKept + c) * kWarpSize + lane;
            if (column >= args.key_dim) continue;
            const float d = block == 0 ? kept[c] : gradient(column);
            dx[column] = from_float<T>(factor * scale * d - along * scale * to_float(x[column]));
        }
    }
}

template <typename T>
RM_DEVICE void backward_gates(const DeltaRuleGatesOf<T>& args) {
    RM_SHARED(float, scratch, kWarpSize);
    const int head = static_cast<int>(blockIdx.x), heads = static_cast<int>(gridDim.x);
    const double rate = exp(static_cast<double>(args.a_log[head])), bias = args.dt_bias[head];
    double of_a_log = 0.0, of_dt_bias = 0.0;
    for (int t = static_cast<int>(threadIdx.x); t < args.tokens; t += kThreads) {
        double d_gate = 0.0, d_beta = 0.0;
        for (int slice = 0; slice < args.slices; slice++) {
            const int64 row = static_cast<int64>(slice) * 2 * heads + head;
            d_gate += args.gates[row * args.tokens + t];
            d_beta += args.gates[(row + heads) * args.tokens + t];
        }
        const int64 token = t;
        const double x = to_float(args.a[token * args.a_stride + head]) + bias;
        const double e = exp(-fabs(x)), softplus = maximum(x, 0.0) + log1p(e);
        const double slope = -rate * (x >= 0.0 ? 1.0 : e) / (1.0 + e);
        args.da[token * args.da_stride + head] = from_float<T>(static_cast<float>(d_gate * slope));
        // 1 - sigmoid(b), without the difference
        args.db[token * args.db_stride + head] =
            from_float<T>(static_cast<float>(d_beta) * sigmoid(-to_float(args.b[token * args.b_stride + head])));
        of_a_log += -d_gate * rate * softplus;
        of_dt_bias += d_gate * slope;
    }
    const float a_log = block_sum(static_cast<float>(of_a_log), scratch),
                dt_bias = block_sum(static_cast<float>(of_dt_bias), scratch);
    if (threadIdx.x != 0) return;
    if (args.da_log != nullptr) args.da_log[head] += a_log;
    if (args.ddt_bias != nullptr) args.ddt_bias[head] += dt_bias;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) delta_rule_backward_bf16_keys(DeltaRuleKeysOf<bfloat16> args) {
    backward_keys(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) delta_rule_backward_bf16_gates(DeltaRuleGatesOf<bfloat16> args) {
    backward_gates(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) delta_rule_backward_f32_keys(DeltaRuleKeysOf<float> args) {
    backward_keys(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) delta_rule_backward_f32_gates(DeltaRuleGatesOf<float> args) {
    backward_gates(args);
}

RM_KERNEL(delta_rule_backward_bf16_keys, kThreads)
RM_KERNEL(delta_rule_backward_f32_keys, kThreads)
RM_KERNEL(delta_rule_backward_bf16_gates, kThreads)
RM_KERNEL(delta_rule_backward_f32_gates, kThreads)

RM_LAYOUT(DeltaRuleKeysArgs, RM_FIELD(DeltaRuleKeysArgs, units), RM_FIELD(DeltaRuleKeysArgs, qkv),
          RM_FIELD(DeltaRuleKeysArgs, dqkv), RM_FIELD(DeltaRuleKeysArgs, qkv_stride), RM_FIELD(DeltaRuleKeysArgs, dqkv_stride),
          RM_FIELD(DeltaRuleKeysArgs, tokens), RM_FIELD(DeltaRuleKeysArgs, key_heads), RM_FIELD(DeltaRuleKeysArgs, value_heads),
          RM_FIELD(DeltaRuleKeysArgs, key_dim), RM_FIELD(DeltaRuleKeysArgs, slices), RM_FIELD(DeltaRuleKeysArgs, epsilon))
RM_LAYOUT(DeltaRuleGatesArgs, RM_FIELD(DeltaRuleGatesArgs, gates), RM_FIELD(DeltaRuleGatesArgs, a),
          RM_FIELD(DeltaRuleGatesArgs, b), RM_FIELD(DeltaRuleGatesArgs, a_log), RM_FIELD(DeltaRuleGatesArgs, dt_bias),
          RM_FIELD(DeltaRuleGatesArgs, da), RM_FIELD(DeltaRuleGatesArgs, db), RM_FIELD(DeltaRuleGatesArgs, da_log),
          RM_FIELD(DeltaRuleGatesArgs, ddt_bias), RM_FIELD(DeltaRuleGatesArgs, a_stride), RM_FIELD(DeltaRuleGatesArgs, b_stride),
          RM_FIELD(DeltaRuleGatesArgs, da_stride), RM_FIELD(DeltaRuleGatesArgs, db_stride), RM_FIELD(DeltaRuleGatesArgs, tokens),
          RM_FIELD(DeltaRuleGatesArgs, slices))
