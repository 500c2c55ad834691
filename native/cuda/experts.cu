// Mixtures of experts: the choice of each token's experts, and the ways between tokens and rows that stand by expert.
//
//   route forward:        experts[t] = the k largest of logits[t], largest first, of equal ones the smaller number (a NaN counts
//                         as the largest); weights[t,j] = exp(logits[t,e_j]) / sum, over all or (normalizes) the chosen
//   route backward:       dlogits[t,e] = (e = e_j: g[t,j]) - p[t,e] sum_j g[t,j], where g is each weight times its gradient and
//                         p the softmax over all experts, or (normalizes) over those chosen and 0 for others
//   expert_sum forward:   y[t,c] = sum_j weights[t,j] x[slots[t,j],c] + residual[t,c]   (weights null: 1; residual null: 0)
//   expert_sum backward:  dx[slots[t,j],c] = weights[t,j] dy[t,c]
//   expert_dot backward:  dots[t,j] = sum_c a[slots[t,j],c] b[slots[t,j],c]
//
// Shapes: logits, dlogits [T, E], x, dx, a, b [T k, C], y, dy, residual [T, C] with row strides in elements, float32 or bfloat16
// (the kernel's suffix); experts, slots [T, k] int32, weights, g, dots [T, k] float32, contiguous. Every output =; dlogits may be
// the memory of logits, y that of residual; 1 <= k <= E, and every slot occurs once. Arithmetic in float32, rounded once.
// Deterministic: sums over experts and columns have an order that depends on E and C alone.
//
// Launch: route: grid ceil(T / 4), block 128, a warp a token. expert_dot: the same, a warp a slot. expert_sum: grid (T, any), and
// (T k, any) backward, block any; grid.y and the block only share out the columns. Not yet timed on a GPU.
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/reduce.cuh"

template <typename T>
struct RouteForwardOf {
    GlobalPtr<const T> logits;
    GlobalPtr<int32> experts;
    GlobalPtr<float> weights;
    int32 rows;    // T
    int32 count;   // E
    int32 chosen;  // k
    int32 stride;  // of logits
    int32 normalizes;
};
using RouteForwardArgs = RouteForwardOf<bfloat16>;

template <typename T>
struct RouteBackwardOf {
    GlobalPtr<const float> g;
    GlobalPtr<const T> logits;
    GlobalPtr<const int32> experts;
    GlobalPtr<const float> weights;
    GlobalPtr<T> dlogits;
    int32 rows;
    int32 count;
    int32 chosen;
    int32 stride;
    int32 d_stride;
    int32 normalizes;
};
using RouteBackwardArgs = RouteBackwardOf<bfloat16>;

template <typename T>
struct ExpertSumOf {
    GlobalPtr<const T> x;  // backward: dy
    GlobalPtr<const int32> slots;
    GlobalPtr<const float> weights;  // forward: or null
    GlobalPtr<const T> residual;     // or null
    GlobalPtr<T> y;                  // backward: dx
    int32 columns;
    int32 chosen;
    int32 x_stride;
    int32 residual_stride;
    int32 y_stride;
};
using ExpertSumArgs = ExpertSumOf<bfloat16>;

template <typename T>
struct ExpertDotOf {
    GlobalPtr<const T> a;
    GlobalPtr<const T> b;
    GlobalPtr<const int32> slots;
    GlobalPtr<float> dots;
    int32 count;  // T k
    int32 columns;
    int32 a_stride;
    int32 b_stride;
};
using ExpertDotArgs = ExpertDotOf<bfloat16>;

namespace {

constexpr int kThreads = 128;
constexpr int kColumnThreads = 256;

RM_DEVICE int64 warp_index() {
    return static_cast<int64>(blockIdx.x) * (kThreads / kWarpSize) + static_cast<int64>(threadIdx.x) / kWarpSize;
}

RM_DEVICE int lane_index() {
    return static_cast<int>(threadIdx.x) % kWarpSize;
}

// Unsigned numbers in the order of the values: both zeros are equal, a NaN is above all.
RM_DEVICE uint32 order_of(float value) {
    if (value != value) return 0xFFFFFFFFu;
    const uint32 bits = __float_as_uint(value + 0.0f);
    return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

// Whether (order, expert) comes before (other, other_expert) in the choice.
RM_DEVICE bool comes_before(uint32 order, int expert, uint32 other, int other_expert) {
    return order > other || (order == other && expert < other_expert);
}

// The first expert behind `previous` in the choice (-1: of all), the same in every lane.
template <typename T>
RM_DEVICE int next_expert(GlobalPtr<const T> logits, int count, uint32 previous_order, int previous) {
    uint32 best_order = 0u;
    int best = count;
    for (int e = lane_index(); e < count; e += kWarpSize) {
        const uint32 order = order_of(to_float(logits[e]));
        const bool is_left = previous < 0 || comes_before(previous_order, previous, order, e);
        if (is_left && (best == count || comes_before(order, e, best_order, best))) {
            best_order = order;
            best = e;
        }
    }
#pragma unroll
    for (int lanes = kWarpSize / 2; lanes > 0; lanes /= 2) {
        const uint32 order = __shfl_xor_sync(kFullWarp, best_order, lanes);
        const int expert = __shfl_xor_sync(kFullWarp, best, lanes);
        if (expert < count && (best == count || comes_before(order, expert, best_order, best))) {
            best_order = order;
            best = expert;
        }
    }
    return best;
}

template <typename T>
RM_DEVICE float sum_of_exp(GlobalPtr<const T> logits, int count, float largest) {
    float sum = 0.0f;
    for (int e = lane_index(); e < count; e += kWarpSize) sum += expf(to_float(logits[e]) - largest);
    return warp_sum(sum);
}

template <typename T>
RM_DEVICE void route(const RouteForwardOf<T>& args) {
    const int64 row = warp_index();
    if (row >= args.rows) return;  // whole warps
    const GlobalPtr<const T> logits = args.logits + row * args.stride;
    const GlobalPtr<int32> experts = args.experts + row * args.chosen;
    const GlobalPtr<float> weights = args.weights + row * args.chosen;
    float largest = 0.0f, sum = 0.0f;
    uint32 order = 0u;
    int expert = -1;
    for (int j = 0; j < args.chosen; j++) {
        expert = next_expert(logits, args.count, order, expert);
        const float logit = to_float(logits[expert]);
        order = order_of(logit);
        if (j == 0) largest = logit;
        const float weight = expf(logit - largest);
        sum += weight;
        if (lane_index() == 0) {
            experts[j] = expert;
            weights[j] = weight;
        }
    }
    const float total = args.normalizes != 0 ? sum : sum_of_exp(logits, args.count, largest);
    if (lane_index() != 0) return;
    for (int j = 0; j < args.chosen; j++) weights[j] = weights[j] / total;
}

// A lane reads the logits that it overwrites, but for the largest, which all have read before the sum.
template <typename T>
RM_DEVICE void route_gradient(const RouteBackwardOf<T>& args) {
    const int64 row = warp_index();
    if (row >= args.rows) return;
    const GlobalPtr<const T> logits = args.logits + row * args.stride;
    const GlobalPtr<T> dlogits = args.dlogits + row * args.d_stride;
    const GlobalPtr<const int32> experts = args.experts + row * args.chosen;
    const GlobalPtr<const float> weights = args.weights + row * args.chosen;
    const GlobalPtr<const float> g = args.g + row * args.chosen;
    float sum = 0.0f;
    for (int j = 0; j < args.chosen; j++) sum += g[j];
    const float largest = to_float(logits[experts[0]]);
    const float factor = args.normalizes != 0 ? 0.0f : sum / sum_of_exp(logits, args.count, largest);
    for (int e = lane_index(); e < args.count; e += kWarpSize) {
        float gradient = args.normalizes != 0 ? 0.0f : -factor * expf(to_float(logits[e]) - largest);
        for (int j = 0; j < args.chosen; j++) {
            if (experts[j] == e) gradient = g[j] - weights[j] * sum;
        }
        dlogits[e] = from_float<T>(gradient);
    }
}

RM_DEVICE int first_column() {
    return static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
}

RM_DEVICE int column_step() {
    return static_cast<int>(gridDim.y * blockDim.x);
}

template <typename T>
RM_DEVICE void expert_sum(const ExpertSumOf<T>& args) {
    const int64 row = blockIdx.x, first = row * args.chosen;
    for (int c = first_column(); c < args.columns; c += column_step()) {
        float sum = 0.0f;
        for (int64 i = first; i < first + args.chosen; i++) {
            float weight = 1.0f;
            if (args.weights != nullptr) weight = args.weights[i];
            sum = fmaf(weight, to_float(args.x[static_cast<int64>(args.slots[i]) * args.x_stride + c]), sum);
        }
        if (args.residual != nullptr) sum += to_float(args.residual[row * args.residual_stride + c]);
        args.y[row * args.y_stride + c] = from_float<T>(sum);
    }
}

template <typename T>
RM_DEVICE void expert_sum_gradient(const ExpertSumOf<T>& args) {
    const int64 index = blockIdx.x, row = index / args.chosen;
    const GlobalPtr<T> dx = args.y + static_cast<int64>(args.slots[index]) * args.y_stride;
    const float weight = args.weights[index];
    for (int c = first_column(); c < args.columns; c += column_step()) {
        dx[c] = from_float<T>(weight * to_float(args.x[row * args.x_stride + c]));
    }
}

template <typename T>
RM_DEVICE void expert_dot(const ExpertDotOf<T>& args) {
    const int64 index = warp_index();
    if (index >= args.count) return;
    const int64 slot = args.slots[index];
    float sum = 0.0f;
    for (int c = lane_index(); c < args.columns; c += kWarpSize) {
        sum = fmaf(to_float(args.a[slot * args.a_stride + c]), to_float(args.b[slot * args.b_stride + c]), sum);
    }
    sum = warp_sum(sum);
    if (lane_index() == 0) args.dots[index] = sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) route_forward_bf16(RouteForwardOf<bfloat16> args) {
    route(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) route_forward_f32(RouteForwardOf<float> args) {
    route(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) route_backward_bf16(RouteBackwardOf<bfloat16> args) {
    route_gradient(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) route_backward_f32(RouteBackwardOf<float> args) {
    route_gradient(args);
}

extern "C" __global__ void __launch_bounds__(kColumnThreads) expert_sum_forward_bf16(ExpertSumOf<bfloat16> args) {
    expert_sum(args);
}

extern "C" __global__ void __launch_bounds__(kColumnThreads) expert_sum_forward_f32(ExpertSumOf<float> args) {
    expert_sum(args);
}

extern "C" __global__ void __launch_bounds__(kColumnThreads) expert_sum_backward_bf16(ExpertSumOf<bfloat16> args) {
    expert_sum_gradient(args);
}

extern "C" __global__ void __launch_bounds__(kColumnThreads) expert_sum_backward_f32(ExpertSumOf<float> args) {
    expert_sum_gradient(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) expert_dot_backward_bf16(ExpertDotOf<bfloat16> args) {
    expert_dot(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) expert_dot_backward_f32(ExpertDotOf<float> args) {
    expert_dot(args);
}

RM_KERNEL(route_forward_bf16, kThreads)
RM_KERNEL(route_forward_f32, kThreads)
RM_KERNEL(route_backward_bf16, kThreads)
RM_KERNEL(route_backward_f32, kThreads)
RM_KERNEL(expert_sum_forward_bf16, kColumnThreads)
RM_KERNEL(expert_sum_forward_f32, kColumnThreads)
RM_KERNEL(expert_sum_backward_bf16, kColumnThreads)
RM_KERNEL(expert_sum_backward_f32, kColumnThreads)
RM_KERNEL(expert_dot_backward_bf16, kThreads)
RM_KERNEL(expert_dot_backward_f32, kThreads)

RM_LAYOUT(RouteForwardArgs, RM_FIELD(RouteForwardArgs, logits), RM_FIELD(RouteForwardArgs, experts),
          RM_FIELD(RouteForwardArgs, weights), RM_FIELD(RouteForwardArgs, rows), RM_FIELD(RouteForwardArgs, count),
          RM_FIELD(RouteForwardArgs, chosen), RM_FIELD(RouteForwardArgs, stride), RM_FIELD(RouteForwardArgs, normalizes))
RM_LAYOUT(RouteBackwardArgs, RM_FIELD(RouteBackwardArgs, g), RM_FIELD(RouteBackwardArgs, logits),
          RM_FIELD(RouteBackwardArgs, experts), RM_FIELD(RouteBackwardArgs, weights), RM_FIELD(RouteBackwardArgs, dlogits),
          RM_FIELD(RouteBackwardArgs, rows), RM_FIELD(RouteBackwardArgs, count), RM_FIELD(RouteBackwardArgs, chosen),
          RM_FIELD(RouteBackwardArgs, stride), RM_FIELD(RouteBackwardArgs, d_stride), RM_FIELD(RouteBackwardArgs, normalizes))
RM_LAYOUT(ExpertSumArgs, RM_FIELD(ExpertSumArgs, x), RM_FIELD(ExpertSumArgs, slots), RM_FIELD(ExpertSumArgs, weights),
          RM_FIELD(ExpertSumArgs, residual), RM_FIELD(ExpertSumArgs, y), RM_FIELD(ExpertSumArgs, columns),
          RM_FIELD(ExpertSumArgs, chosen), RM_FIELD(ExpertSumArgs, x_stride), RM_FIELD(ExpertSumArgs, residual_stride),
          RM_FIELD(ExpertSumArgs, y_stride))
RM_LAYOUT(ExpertDotArgs, RM_FIELD(ExpertDotArgs, a), RM_FIELD(ExpertDotArgs, b), RM_FIELD(ExpertDotArgs, slots),
          RM_FIELD(ExpertDotArgs, dots), RM_FIELD(ExpertDotArgs, count), RM_FIELD(ExpertDotArgs, columns),
          RM_FIELD(ExpertDotArgs, a_stride), RM_FIELD(ExpertDotArgs, b_stride))
