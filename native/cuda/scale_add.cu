// A matrix scaled and another added, and inner products of columns.
//
//   forward (scale_add):   y[t,c] = scale * x[t,c] * column_scale[c] + bias[c] + z[t,c]   (what is null is left out)
//   backward (column_dot): sums[c] += sum_t a[t,c] b[t,c]
//
// Shapes: x, y, z, a, b [T, C] with row strides in elements, float32 or bfloat16 (the kernel's suffix); column_scale, bias, sums
// [C] float32. y = (may be the memory of x or z), sums +=. Arithmetic in float32, y rounded once. Deterministic: every element
// by itself; sums run over the rows in order.
//
// Launch: scale_add: grid (T, any), block any; grid.y and the block only share out the columns. column_dot: grid any, block any,
// one thread a column. Not yet timed on a GPU.
#include "common/launch.cuh"
#include "common/packet.cuh"

template <typename T>
struct ScaleAddOf {
    GlobalPtr<const T> x;
    GlobalPtr<const T> z;  // or null
    GlobalPtr<T> y;
    GlobalPtr<const float> column_scale;  // [C] or null
    GlobalPtr<const float> bias;          // [C] or null
    int32 columns;                        // C
    int32 x_stride;
    int32 z_stride;
    int32 y_stride;
    float scale;
};
using ScaleAddArgs = ScaleAddOf<bfloat16>;

template <typename T>
struct ColumnDotOf {
    GlobalPtr<const T> a;
    GlobalPtr<const T> b;
    GlobalPtr<float> sums;  // [C]
    int32 rows;             // T
    int32 columns;          // C
    int32 a_stride;
    int32 b_stride;
};
using ColumnDotArgs = ColumnDotOf<bfloat16>;

namespace {

constexpr int kThreads = 256;

template <typename T>
RM_DEVICE void scale_add(const ScaleAddOf<T>& args) {
    const int64 row = blockIdx.x;
    for (int c = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x); c < args.columns;
         c += static_cast<int>(gridDim.y * blockDim.x)) {
        float value = args.scale * to_float(args.x[row * args.x_stride + c]);
        if (args.column_scale != nullptr) value *= args.column_scale[c];
        if (args.bias != nullptr) value += args.bias[c];
        if (args.z != nullptr) value += to_float(args.z[row * args.z_stride + c]);
        args.y[row * args.y_stride + c] = from_float<T>(value);
    }
}

template <typename T>
RM_DEVICE void column_dot(const ColumnDotOf<T>& args) {
    const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (c >= args.columns) return;
    float sum = 0.0f;
    for (int64 t = 0; t < args.rows; t++) {
        sum = fmaf(to_float(args.a[t * args.a_stride + c]), to_float(args.b[t * args.b_stride + c]), sum);
    }
    args.sums[c] += sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) scale_add_forward_bf16(ScaleAddOf<bfloat16> args) {
    scale_add(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) scale_add_forward_f32(ScaleAddOf<float> args) {
    scale_add(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) column_dot_backward_bf16(ColumnDotOf<bfloat16> args) {
    column_dot(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) column_dot_backward_f32(ColumnDotOf<float> args) {
    column_dot(args);
}

RM_KERNEL(scale_add_forward_bf16, kThreads)
RM_KERNEL(scale_add_forward_f32, kThreads)
RM_KERNEL(column_dot_backward_bf16, kThreads)
RM_KERNEL(column_dot_backward_f32, kThreads)

RM_LAYOUT(ScaleAddArgs, RM_FIELD(ScaleAddArgs, x), RM_FIELD(ScaleAddArgs, z), RM_FIELD(ScaleAddArgs, y),
          RM_FIELD(ScaleAddArgs, column_scale), RM_FIELD(ScaleAddArgs, bias), RM_FIELD(ScaleAddArgs, columns),
          RM_FIELD(ScaleAddArgs, x_stride), RM_FIELD(ScaleAddArgs, z_stride), RM_FIELD(ScaleAddArgs, y_stride),
          RM_FIELD(ScaleAddArgs, scale))
RM_LAYOUT(ColumnDotArgs, RM_FIELD(ColumnDotArgs, a), RM_FIELD(ColumnDotArgs, b), RM_FIELD(ColumnDotArgs, sums),
          RM_FIELD(ColumnDotArgs, rows), RM_FIELD(ColumnDotArgs, columns), RM_FIELD(ColumnDotArgs, a_stride),
          RM_FIELD(ColumnDotArgs, b_stride))
