// Rows moved, widened, added and filled.
//
//   forward (gather):    y[i,c] = x[rows[i],c]      (rows null: y[i] = x[i], a copy between different row strides)
//   backward (scatter):  y[rows[i],c] += x[i,c]     (no row occurs twice, so no two blocks meet)
//   fill:                y[i,c] = value
//
// Shapes: x, y of C columns with row strides in elements; rows [N] int32. gather_rows_forward_bf16_f32 reads float32 and rounds
// to bfloat16 (embeddings whose table is trained, and the casts of working copies); the copying kernels keep bits. The sum of
// backward is rounded once. Deterministic: every element by itself.
//
// Launch: grid (N, any), block any; grid.y and the block only share out the columns. `packed` is 1 when C is a multiple of the
// elements in 16 bytes of y's type, and x, y and all their rows start at multiples of 16 bytes. Not yet timed on a GPU.
#include "common/launch.cuh"
#include "common/packet.cuh"

template <typename S, typename T>
struct RowsOf {
    GlobalPtr<const S> x;
    GlobalPtr<T> y;
    GlobalPtr<const int32> rows;  // [N] or null
    int32 columns;                // C
    int32 x_stride;
    int32 y_stride;
    int32 packed;
};
using RowsArgs = RowsOf<bfloat16, bfloat16>;

namespace {

constexpr int kThreads = 256;

RM_DEVICE int first_column() {
    return static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
}

RM_DEVICE int column_step() {
    return static_cast<int>(gridDim.y * blockDim.x);
}

RM_DEVICE int64 row_of(GlobalPtr<const int32> rows) {
    int32 row = static_cast<int32>(blockIdx.x);
    if (rows != nullptr) row = rows[row];
    return row;
}

template <typename T>
RM_DEVICE void copy_packet(GlobalPtr<const T> x, GlobalPtr<T> y) {
    store_packet(y, load_packet(x));
}

RM_DEVICE void copy_packet(GlobalPtr<const float> x, GlobalPtr<bfloat16> y) {
    float low[4], high[4], values[8];
    unpack(load_packet(x), low);
    unpack(load_packet(x + 4), high);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        values[i] = low[i];
        values[4 + i] = high[i];
    }
    Packet<bfloat16> packet;
    pack(values, packet);
    store_packet(y, packet);
}

template <typename T>
RM_DEVICE T converted(T value, T) {
    return value;
}

RM_DEVICE bfloat16 converted(float value, bfloat16) {
    return to_bfloat16(value);
}

template <typename S, typename T>
RM_DEVICE void gather(const RowsOf<S, T>& args) {
    const GlobalPtr<const S> x = args.x + row_of(args.rows) * args.x_stride;
    const GlobalPtr<T> y = args.y + static_cast<int64>(blockIdx.x) * args.y_stride;
    if (args.packed != 0) {
        constexpr int kCount = Packet<T>::kCount;
        for (int c = first_column() * kCount; c < args.columns; c += column_step() * kCount) copy_packet(x + c, y + c);
    } else {
        for (int c = first_column(); c < args.columns; c += column_step()) {
            const S value = x[c];
            y[c] = converted(value, T{});
        }
    }
}

template <typename T>
RM_DEVICE void scatter_add(const RowsOf<T, T>& args) {
    const GlobalPtr<const T> x = args.x + static_cast<int64>(blockIdx.x) * args.x_stride;
    const GlobalPtr<T> y = args.y + row_of(args.rows) * args.y_stride;
    if (args.packed != 0) {
        constexpr int kCount = Packet<T>::kCount;
        for (int c = first_column() * kCount; c < args.columns; c += column_step() * kCount) {
            float sum[kCount], added[kCount];
            unpack(load_packet(y + c), sum);
            unpack(load_packet(x + c), added);
#pragma unroll
            for (int i = 0; i < kCount; i++) sum[i] += added[i];
            Packet<T> packet;
            pack(sum, packet);
            store_packet(y + c, packet);
        }
    } else {
        for (int c = first_column(); c < args.columns; c += column_step()) {
            y[c] = from_float<T>(to_float(y[c]) + to_float(x[c]));
        }
    }
}

template <typename T>
RM_DEVICE void fill(GlobalPtr<T> y, float value, int columns, int y_stride) {
    const GlobalPtr<T> row = y + static_cast<int64>(blockIdx.x) * y_stride;
    for (int c = first_column(); c < columns; c += column_step()) row[c] = from_float<T>(value);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) gather_rows_forward_bf16(RowsOf<bfloat16, bfloat16> args) {
    gather(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) gather_rows_forward_f32(RowsOf<float, float> args) {
    gather(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) gather_rows_forward_bf16_f32(RowsOf<float, bfloat16> args) {
    gather(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) gather_rows_backward_bf16(RowsOf<bfloat16, bfloat16> args) {
    scatter_add(args);
}

extern "C" __global__ void __launch_bounds__(kThreads) gather_rows_backward_f32(RowsOf<float, float> args) {
    scatter_add(args);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    fill_forward_bf16(GlobalPtr<bfloat16> y, float value, int32 columns, int32 y_stride) {
    fill(y, value, columns, y_stride);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    fill_forward_f32(GlobalPtr<float> y, float value, int32 columns, int32 y_stride) {
    fill(y, value, columns, y_stride);
}

RM_KERNEL(gather_rows_forward_bf16, kThreads)
RM_KERNEL(gather_rows_forward_f32, kThreads)
RM_KERNEL(gather_rows_forward_bf16_f32, kThreads)
RM_KERNEL(gather_rows_backward_bf16, kThreads)
RM_KERNEL(gather_rows_backward_f32, kThreads)
RM_KERNEL(fill_forward_bf16, kThreads)
RM_KERNEL(fill_forward_f32, kThreads)

RM_LAYOUT(RowsArgs, RM_FIELD(RowsArgs, x), RM_FIELD(RowsArgs, y), RM_FIELD(RowsArgs, rows), RM_FIELD(RowsArgs, columns),
          RM_FIELD(RowsArgs, x_stride), RM_FIELD(RowsArgs, y_stride), RM_FIELD(RowsArgs, packed))
