// RMSNorm (Zhang and Sennrich 2019), forward and backward.
//
//   rstd[t] = 1 / sqrt(mean_c(x[t,c]^2) + epsilon)         y[t,c] = x[t,c] * rstd[t] * w[c]
//   g = dy * w, h = x * rstd:   dx[t,c] = rstd[t] * (g[t,c] - h[t,c] * mean_c(g * h)) + d_residual[t,c]
//   dw[c] += sum_t dy[t,c] * h[t,c]
//
// Shapes: x, y, dy, dx, d_residual [T, C], float32 or bfloat16 (the kernel's suffix), contiguous; w, dw [C] and rstd [T] float32.
// Outputs: y =, rstd =, dx = (may be the memory of dy or of d_residual), dw +=. Arithmetic in float32. Deterministic: every sum
// has an order that depends on C, T and the block size alone.
//
// Launch: forward and backward: grid (T), block a multiple of 32 up to 1024; the result depends on the block size in its last
// bits, so a caller fixes it as a function of C. backward_weight, two stages: `rms_norm_backward_<type>_weight` with grid
// (ceil(C / 128), splits), block 128, writes partial [splits, C] =; then `rms_norm_backward_f32_reduce` with grid (ceil(C /
// 128)), block 128, adds the splits in order to dw. The number of splits must depend on T alone.
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/reduce.cuh"

template <typename T>
struct RmsNormForwardOf {
    GlobalPtr<const T> x;      // [T, C]
    GlobalPtr<const float> w;  // [C]
    GlobalPtr<T> y;            // [T, C] =
    GlobalPtr<float> rstd;     // [T] =
    int32 columns;             // C
    float epsilon;
};
using RmsNormForwardArgs = RmsNormForwardOf<bfloat16>;

template <typename T>
struct RmsNormBackwardOf {
    GlobalPtr<const T> dy;          // [T, C]
    GlobalPtr<const T> x;           // [T, C]
    GlobalPtr<const float> w;       // [C]
    GlobalPtr<const float> rstd;    // [T]
    GlobalPtr<const T> d_residual;  // [T, C] or null
    GlobalPtr<T> dx;                // [T, C] =
    int32 columns;                  // C
};
using RmsNormBackwardArgs = RmsNormBackwardOf<bfloat16>;

template <typename T>
struct RmsNormWeightOf {
    GlobalPtr<const T> dy;        // [T, C]
    GlobalPtr<const T> x;         // [T, C]
    GlobalPtr<const float> rstd;  // [T]
    GlobalPtr<float> partial;     // [splits, C] =
    int32 rows;                   // T
    int32 columns;                // C
    int32 rows_per_split;
};
using RmsNormWeightArgs = RmsNormWeightOf<bfloat16>;

namespace {

/// Whether every row starts at a multiple of 16 bytes, so that it can be read in packets.
template <typename T>
RM_DEVICE bool in_packets(int columns) {
    return columns % Packet<T>::kCount == 0;
}

template <typename T>
RM_DEVICE void forward_row(const RmsNormForwardOf<T>& args) {
    constexpr int kCount = Packet<T>::kCount;
    RM_SHARED(float, scratch, kWarpSize);
    const int columns = args.columns, thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
    const int64 row = blockIdx.x;
    const GlobalPtr<const T> x = args.x + row * columns;
    const GlobalPtr<T> y = args.y + row * columns;

    float squares = 0.0f;
    if (in_packets<T>(columns)) {
        for (int c = thread * kCount; c < columns; c += threads * kCount) {
            float values[kCount];
            unpack(load_packet(x + c), values);
#pragma unroll
            for (int i = 0; i < kCount; i++) squares += values[i] * values[i];
        }
    } else {
        for (int c = thread; c < columns; c += threads) {
            const float value = to_float(x[c]);
            squares += value * value;
        }
    }
    const float rstd = 1.0f / sqrtf(block_sum(squares, scratch) / static_cast<float>(columns) + args.epsilon);
    if (thread == 0) args.rstd[row] = rstd;

    // The second pass finds its row in the first-level cache.
    if (in_packets<T>(columns)) {
        for (int c = thread * kCount; c < columns; c += threads * kCount) {
            float values[kCount];
            unpack(load_packet(x + c), values);
#pragma unroll
            for (int i = 0; i < kCount; i += 4) {
                float weights[4];
                unpack(load_packet(args.w + c + i), weights);
#pragma unroll
                for (int j = 0; j < 4; j++) values[i + j] = values[i + j] * rstd * weights[j];
            }
            Packet<T> packet;
            pack(values, packet);
            store_packet(y + c, packet);
        }
    } else {
        for (int c = thread; c < columns; c += threads) y[c] = from_float<T>(to_float(x[c]) * rstd * args.w[c]);
    }
}

template <typename T>
RM_DEVICE void backward_row(const RmsNormBackwardOf<T>& args) {
    constexpr int kCount = Packet<T>::kCount;
    RM_SHARED(float, scratch, kWarpSize);
    const int columns = args.columns, thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
    const int64 row = blockIdx.x, start = row * columns;
    const float rstd = args.rstd[row];

    float product = 0.0f;  // sum over c of g * h
    if (in_packets<T>(columns)) {
        for (int c = thread * kCount; c < columns; c += threads * kCount) {
            float dy[kCount], x[kCount];
            unpack(load_packet(args.dy + start + c), dy);
            unpack(load_packet(args.x + start + c), x);
#pragma unroll
            for (int i = 0; i < kCount; i += 4) {
                float weights[4];
                unpack(load_packet(args.w + c + i), weights);
#pragma unroll
                for (int j = 0; j < 4; j++) product += dy[i + j] * weights[j] * (x[i + j] * rstd);
            }
        }
    } else {
        for (int c = thread; c < columns; c += threads) {
            product += to_float(args.dy[start + c]) * args.w[c] * (to_float(args.x[start + c]) * rstd);
        }
    }
    const float mean = block_sum(product, scratch) / static_cast<float>(columns);

    // Each thread reads the elements of dy and d_residual that it overwrites, so both may be the memory of dx.
    if (in_packets<T>(columns)) {
        for (int c = thread * kCount; c < columns; c += threads * kCount) {
            float dy[kCount], x[kCount], sum[kCount];
            unpack(load_packet(args.dy + start + c), dy);
            unpack(load_packet(args.x + start + c), x);
#pragma unroll
            for (int i = 0; i < kCount; i++) sum[i] = 0.0f;
            if (args.d_residual != nullptr) unpack(load_packet(args.d_residual + start + c), sum);
#pragma unroll
            for (int i = 0; i < kCount; i += 4) {
                float weights[4];
                unpack(load_packet(args.w + c + i), weights);
#pragma unroll
                for (int j = 0; j < 4; j++) sum[i + j] += rstd * (dy[i + j] * weights[j] - x[i + j] * rstd * mean);
            }
            Packet<T> packet;
            pack(sum, packet);
            store_packet(args.dx + start + c, packet);
        }
    } else {
        for (int c = thread; c < columns; c += threads) {
            float sum = 0.0f;
            if (args.d_residual != nullptr) sum = to_float(args.d_residual[start + c]);
            sum += rstd * (to_float(args.dy[start + c]) * args.w[c] - to_float(args.x[start + c]) * rstd * mean);
            args.dx[start + c] = from_float<T>(sum);
        }
    }
}

// One thread a column: the threads of a warp read neighbouring columns of one row.
template <typename T>
RM_DEVICE void backward_weight(const RmsNormWeightOf<T>& args) {
    const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x), split = static_cast<int>(blockIdx.y);
    if (column >= args.columns) return;
    const int first = split * args.rows_per_split;
    const int last = minimum(args.rows, first + args.rows_per_split);
    float sum = 0.0f;
    for (int row = first; row < last; row++) {
        const int64 at = static_cast<int64>(row) * args.columns + column;
        sum += to_float(args.dy[at]) * (to_float(args.x[at]) * args.rstd[row]);
    }
    args.partial[static_cast<int64>(split) * args.columns + column] = sum;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(1024) rms_norm_forward_bf16(RmsNormForwardOf<bfloat16> args) {
    forward_row(args);
}

extern "C" __global__ void __launch_bounds__(1024) rms_norm_forward_f32(RmsNormForwardOf<float> args) {
    forward_row(args);
}

extern "C" __global__ void __launch_bounds__(1024) rms_norm_backward_bf16(RmsNormBackwardOf<bfloat16> args) {
    backward_row(args);
}

extern "C" __global__ void __launch_bounds__(1024) rms_norm_backward_f32(RmsNormBackwardOf<float> args) {
    backward_row(args);
}

extern "C" __global__ void __launch_bounds__(128) rms_norm_backward_bf16_weight(RmsNormWeightOf<bfloat16> args) {
    backward_weight(args);
}

extern "C" __global__ void __launch_bounds__(128) rms_norm_backward_f32_weight(RmsNormWeightOf<float> args) {
    backward_weight(args);
}

extern "C" __global__ void __launch_bounds__(128)
    rms_norm_backward_f32_reduce(GlobalPtr<const float> partial, GlobalPtr<float> dw, int32 splits, int32 columns) {
    const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (column >= columns) return;
    float sum = 0.0f;
    for (int split = 0; split < splits; split++) sum += partial[static_cast<int64>(split) * columns + column];
    dw[column] += sum;
}

RM_KERNEL(rms_norm_forward_bf16, 1024)
RM_KERNEL(rms_norm_forward_f32, 1024)
RM_KERNEL(rms_norm_backward_bf16, 1024)
RM_KERNEL(rms_norm_backward_f32, 1024)
RM_KERNEL(rms_norm_backward_bf16_weight, 128)
RM_KERNEL(rms_norm_backward_f32_weight, 128)
RM_KERNEL(rms_norm_backward_f32_reduce, 128)

RM_LAYOUT(RmsNormForwardArgs, RM_FIELD(RmsNormForwardArgs, x), RM_FIELD(RmsNormForwardArgs, w), RM_FIELD(RmsNormForwardArgs, y),
          RM_FIELD(RmsNormForwardArgs, rstd), RM_FIELD(RmsNormForwardArgs, columns), RM_FIELD(RmsNormForwardArgs, epsilon))
RM_LAYOUT(RmsNormBackwardArgs, RM_FIELD(RmsNormBackwardArgs, dy), RM_FIELD(RmsNormBackwardArgs, x),
          RM_FIELD(RmsNormBackwardArgs, w), RM_FIELD(RmsNormBackwardArgs, rstd), RM_FIELD(RmsNormBackwardArgs, d_residual),
          RM_FIELD(RmsNormBackwardArgs, dx), RM_FIELD(RmsNormBackwardArgs, columns))
RM_LAYOUT(RmsNormWeightArgs, RM_FIELD(RmsNormWeightArgs, dy), RM_FIELD(RmsNormWeightArgs, x), RM_FIELD(RmsNormWeightArgs, rstd),
          RM_FIELD(RmsNormWeightArgs, partial), RM_FIELD(RmsNormWeightArgs, rows), RM_FIELD(RmsNormWeightArgs, columns),
          RM_FIELD(RmsNormWeightArgs, rows_per_split))
