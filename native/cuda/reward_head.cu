// The scalar head, forward and backward.
//
//   rewards[i] = sum_c x[i,c] w[c]        dx[i,c] = d_rewards[i] w[c],   dw[c] += sum_i d_rewards[i] x[i,c] in order of i
//
// Shapes: x, dx [S, C] contiguous, float32 or bfloat16 (the kernel's suffix); w, dw [C], rewards, d_rewards [S] float32.
// rewards =, dx =, dw += (null when the head is frozen). Arithmetic in float32. Deterministic: the sum over C has an order
// that depends on C and the block size alone.
//
// Launch: forward: grid (S), block a multiple of 32 up to 1024 that is a function of C. backward: grid (ceil(C / 128)), block
// 128. S is a few hundred at most, so neither is worth packets.
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/reduce.cuh"

template <typename T>
struct RewardHeadBackwardOf {
    GlobalPtr<const float> d_rewards;
    GlobalPtr<const T> x;
    GlobalPtr<const float> w;
    GlobalPtr<T> dx;
    GlobalPtr<float> dw;  // or null
    int32 rows;           // S
    int32 columns;        // C
};
using RewardHeadBackwardArgs = RewardHeadBackwardOf<bfloat16>;

namespace {

template <typename T>
RM_DEVICE void forward(GlobalPtr<const T> x, GlobalPtr<const float> w, GlobalPtr<float> rewards, int columns) {
    RM_SHARED(float, scratch, kWarpSize);
    const GlobalPtr<const T> row = x + static_cast<int64>(blockIdx.x) * columns;
    float sum = 0.0f;
    for (int c = static_cast<int>(threadIdx.x); c < columns; c += static_cast<int>(blockDim.x)) sum += to_float(row[c]) * w[c];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) rewards[blockIdx.x] = sum;
}

template <typename T>
RM_DEVICE void backward(const RewardHeadBackwardOf<T>& args) {
    const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (column >= args.columns) return;
    const float weight = args.w[column];
    float sum = 0.0f;
    for (int row = 0; row < args.rows; row++) {
        const int64 at = static_cast<int64>(row) * args.columns + column;
        const float gradient = args.d_rewards[row];
        sum += gradient * to_float(args.x[at]);
        args.dx[at] = from_float<T>(gradient * weight);
    }
    if (args.dw != nullptr) args.dw[column] += sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(1024)
    reward_head_forward_bf16(GlobalPtr<const bfloat16> x, GlobalPtr<const float> w, GlobalPtr<float> rewards, int32 columns) {
    forward(x, w, rewards, columns);
}

extern "C" __global__ void __launch_bounds__(1024)
    reward_head_forward_f32(GlobalPtr<const float> x, GlobalPtr<const float> w, GlobalPtr<float> rewards, int32 columns) {
    forward(x, w, rewards, columns);
}

extern "C" __global__ void __launch_bounds__(128) reward_head_backward_bf16(RewardHeadBackwardOf<bfloat16> args) {
    backward(args);
}

extern "C" __global__ void __launch_bounds__(128) reward_head_backward_f32(RewardHeadBackwardOf<float> args) {
    backward(args);
}

RM_KERNEL(reward_head_forward_bf16, 1024)
RM_KERNEL(reward_head_forward_f32, 1024)
RM_KERNEL(reward_head_backward_bf16, 128)
RM_KERNEL(reward_head_backward_f32, 128)

RM_LAYOUT(RewardHeadBackwardArgs, RM_FIELD(RewardHeadBackwardArgs, d_rewards), RM_FIELD(RewardHeadBackwardArgs, x),
          RM_FIELD(RewardHeadBackwardArgs, w), RM_FIELD(RewardHeadBackwardArgs, dx), RM_FIELD(RewardHeadBackwardArgs, dw),
          RM_FIELD(RewardHeadBackwardArgs, rows), RM_FIELD(RewardHeadBackwardArgs, columns))
