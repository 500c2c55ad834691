// RMSNorm of each head (Qwen3's q_norm and k_norm), forward and backward: the formulas of rms_norm.cu over the D features of a
// head, with one weight for all heads.
//
// Shapes: x, y, dy, dx [T, H * D] with row strides in elements, float32 or bfloat16 (the kernel's suffix); w [D], rstd [T, H]
// contiguous, float32. Outputs: y =, rstd =, dx = (may be the memory of dy). Arithmetic in float32. Deterministic: the sum over
// a head has an order that depends on D alone.
//
// Weight gradient, two stages as in rms_norm.cu: `head_norm_backward_<type>_weight` writes partial [splits, D] =, summed over
// the split's tokens, then heads; rms_norm_backward_f32_reduce adds the splits in order to dw. The number of splits must depend
// on T alone.
//
// Launch: forward and backward: grid (ceil(T * H / 4)), block 128, a warp a head. weight: grid (ceil(D / 128), splits), block
// 128. Not yet timed on a GPU.
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/reduce.cuh"

template <typename T>
struct HeadNormForwardOf {
    GlobalPtr<const T> x;
    GlobalPtr<const float> w;
    GlobalPtr<T> y;
    GlobalPtr<float> rstd;
    int32 rows;      // T
    int32 heads;     // H
    int32 head_dim;  // D
    int32 x_stride;
    int32 y_stride;
    float epsilon;
};
using HeadNormForwardArgs = HeadNormForwardOf<bfloat16>;

template <typename T>
struct HeadNormBackwardOf {
    GlobalPtr<const T> dy;
    GlobalPtr<const T> x;
    GlobalPtr<const float> w;
    GlobalPtr<const float> rstd;
    GlobalPtr<T> dx;
    int32 rows;
    int32 heads;
    int32 head_dim;
    int32 dy_stride;
    int32 x_stride;
    int32 dx_stride;
};
using HeadNormBackwardArgs = HeadNormBackwardOf<bfloat16>;

template <typename T>
struct HeadNormWeightOf {
    GlobalPtr<const T> dy;
    GlobalPtr<const T> x;
    GlobalPtr<const float> rstd;
    GlobalPtr<float> partial;  // [splits, D]
    int32 rows;
    int32 heads;
    int32 head_dim;
    int32 dy_stride;
    int32 x_stride;
    int32 rows_per_split;
};
using HeadNormWeightArgs = HeadNormWeightOf<bfloat16>;

namespace {

constexpr int kThreads = 128;

struct HeadPlace {
    int64 index;  // row * heads + head
    int64 row;
    int start;  // first column of the head
};

// The head of this warp; index is beyond rows * heads in the last block's spare warps.
RM_DEVICE HeadPlace place(int heads, int head_dim) {
    const int64 index = static_cast<int64>(blockIdx.x) * (kThreads / kWarpSize) + static_cast<int64>(threadIdx.x) / kWarpSize;
    const int64 row = index / heads;
    return {index, row, static_cast<int>(index - row * heads) * head_dim};
}

template <typename T>
RM_DEVICE void forward(const HeadNormForwardOf<T>& args) {
    const HeadPlace at = place(args.heads, args.head_dim);
    if (at.row >= args.rows) return;  // whole warps
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const GlobalPtr<const T> x = args.x + (at.row * args.x_stride + at.start);
    const GlobalPtr<T> y = args.y + (at.row * args.y_stride + at.start);
    float squares = 0.0f;
    for (int c = lane; c < args.head_dim; c += kWarpSize) {
        const float value = to_float(x[c]);
        squares += value * value;
    }
    const float rstd = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(args.head_dim) + args.epsilon);
    if (lane == 0) args.rstd[at.index] = rstd;
    for (int c = lane; c < args.head_dim; c += kWarpSize) y[c] = from_float<T>(to_float(x[c]) * rstd * args.w[c]);
}

// A lane reads the elements of dy that it overwrites, so dy may be the memory of dx.
template <typename T>
RM_DEVICE void backward(const HeadNormBackwardOf<T>& args) {
    const HeadPlace at = place(args.heads, args.head_dim);
    if (at.row >= args.rows) return;
    const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
    const GlobalPtr<const T> x = args.x + (at.row * args.x_stride + at.start);
    const GlobalPtr<const T> dy = args.dy + (at.row * args.dy_stride + at.start);
    const GlobalPtr<T> dx = args.dx + (at.row * args.dx_stride + at.start);
    const float rstd = args.rstd[at.index];
    float product = 0.0f;
    for (int c = lane; c < args.head_dim; c += kWarpSize) product += to_float(dy[c]) * args.w[c] * (to_float(x[c]) * rstd);
    const float mean = warp_sum(product) / static_cast<float>(args.head_dim);
    for (int c = lane; c < args.head_dim; c += kWarpSize) {
        dx[c] = from_float<T>(rstd * (to_float(dy[c]) * args.w[c] - to_float(x[c]) * rstd * mean));
    }
}

template <typename T>
RM_DEVICE void backward_weight(const HeadNormWeightOf<T>& args) {
    const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), split = static_cast<int>(blockIdx.y);
    if (column >= args.head_dim) return;
    const int first = split * args.rows_per_split;
    const int last = minimum(args.rows, first + args.rows_per_split);
    float sum = 0.0f;
    for (int row = first; row < last; row++) {
        const GlobalPtr<const T> dy = args.dy + (static_cast<int64>(row) * args.dy_stride + column);
        const GlobalPtr<const T> x = args.x + (static_cast<int64>(row) * args.x_stride + column);
        for (int head = 0; head < args.heads; head++) {
            const float rstd = args.rstd[static_cast<int64>(row) * args.heads + head];
            sum += to_float(dy[head * args.head_dim]) * (to_float(x[head * args.head_dim]) * rstd);
        }
    }
    args.partial[static_cast<int64>(split) * args.head_dim + column] = sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) head_norm_forward_bf16(HeadNormForwardOf<bfloat16> args) {
    forward(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) head_norm_forward_f32(HeadNormForwardOf<float> args) {
    forward(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) head_norm_backward_bf16(HeadNormBackwardOf<bfloat16> args) {
    backward(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) head_norm_backward_f32(HeadNormBackwardOf<float> args) {
    backward(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) head_norm_backward_bf16_weight(HeadNormWeightOf<bfloat16> args) {
    backward_weight(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) head_norm_backward_f32_weight(HeadNormWeightOf<float> args) {
    backward_weight(args);
}

RM_KERNEL(head_norm_forward_bf16, kThreads)
RM_KERNEL(head_norm_forward_f32, kThreads)
RM_KERNEL(head_norm_backward_bf16, kThreads)
RM_KERNEL(head_norm_backward_f32, kThreads)
RM_KERNEL(head_norm_backward_bf16_weight, kThreads)
RM_KERNEL(head_norm_backward_f32_weight, kThreads)

RM_LAYOUT(HeadNormForwardArgs, RM_FIELD(HeadNormForwardArgs, x), RM_FIELD(HeadNormForwardArgs, w),
          RM_FIELD(HeadNormForwardArgs, y), RM_FIELD(HeadNormForwardArgs, rstd), RM_FIELD(HeadNormForwardArgs, rows),
          RM_FIELD(HeadNormForwardArgs, heads), RM_FIELD(HeadNormForwardArgs, head_dim), RM_FIELD(HeadNormForwardArgs, x_stride),
          RM_FIELD(HeadNormForwardArgs, y_stride), RM_FIELD(HeadNormForwardArgs, epsilon))
RM_LAYOUT(HeadNormBackwardArgs, RM_FIELD(HeadNormBackwardArgs, dy), RM_FIELD(HeadNormBackwardArgs, x),
          RM_FIELD(HeadNormBackwardArgs, w), RM_FIELD(HeadNormBackwardArgs, rstd), RM_FIELD(HeadNormBackwardArgs, dx),
          RM_FIELD(HeadNormBackwardArgs, rows), RM_FIELD(HeadNormBackwardArgs, heads), RM_FIELD(HeadNormBackwardArgs, head_dim),
          RM_FIELD(HeadNormBackwardArgs, dy_stride), RM_FIELD(HeadNormBackwardArgs, x_stride),
          RM_FIELD(HeadNormBackwardArgs, dx_stride))
RM_LAYOUT(HeadNormWeightArgs, RM_FIELD(HeadNormWeightArgs, dy), RM_FIELD(HeadNormWeightArgs, x),
          RM_FIELD(HeadNormWeightArgs, rstd), RM_FIELD(HeadNormWeightArgs, partial), RM_FIELD(HeadNormWeightArgs, rows),
          RM_FIELD(HeadNormWeightArgs, heads), RM_FIELD(HeadNormWeightArgs, head_dim), RM_FIELD(HeadNormWeightArgs, dy_stride),
          RM_FIELD(HeadNormWeightArgs, x_stride), RM_FIELD(HeadNormWeightArgs, rows_per_split))
