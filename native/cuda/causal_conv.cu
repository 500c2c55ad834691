// Causal convolution of each feature by itself along its sequence, with SiLU, forward and backward: what stands before a gated
// delta rule (Yang, Kautz and Hatamizadeh 2024).
//
//   z[t,n] = sum_back w[n, K-1-back] x[t-back, n], back < K;   y = z / (1 + exp(-z))
//   d[t,n] = dy[t,n] s (1 + z (1 - s)), s = 1 / (1 + exp(-z));   dx[r,n] = sum_back w[n, K-1-back] d[r+back, n]
//   dw[n, K-1-back] += sum_t d[t,n] x[t-back, n]
//
// t - back goes back into the parent prefix of t's segment and is left out before its start; r + back goes on in r's own segment
// and, at a prefix's end, in every one of its tails.
//
// Shapes: x, y, dy, dx [T, N] with row strides in elements, float32 or bfloat16 (the kernel's suffix); w [N, K] float32, K up
// to 8. Outputs: y =, dx =, partial [tiles, N K] = (float32; null when w is frozen), which rms_norm_backward_f32_reduce adds to
// dw in order. Arithmetic in float32. Deterministic: tiles are cut from the starts of segments, tails add in row order.
//
// Launch: grid (tiles, ceil(N / 128)), block 128, a thread a feature. A tile is at most some tens of tokens of one segment
// (CausalConvTile); the rows around it are read again. Not yet timed on a GPU.
#include "common/bfloat16.cuh"
#include "common/launch.cuh"
#include "common/memory.cuh"
#include "common/swiglu.cuh"

template <typename T>
struct CausalConvForwardOf {
    GlobalPtr<const T> x;
    GlobalPtr<const float> w;
    GlobalPtr<T> y;
    GlobalPtr<const int32> tiles;  // [tiles, CausalConvTile::kFields]
    int32 columns;                 // N
    int32 width;                   // K
    int32 x_stride;
    int32 y_stride;
};
using CausalConvForwardArgs = CausalConvForwardOf<bfloat16>;

template <typename T>
struct CausalConvBackwardOf {
    GlobalPtr<const T> dy;
    GlobalPtr<const T> x;
    GlobalPtr<const float> w;
    GlobalPtr<T> dx;
    GlobalPtr<float> partial;
    GlobalPtr<const int32> tiles;
    GlobalPtr<const int32> tails;  // [tails, 2]: first row and length of each segment that has a prefix
    int32 columns;
    int32 width;
    int32 dy_stride;
    int32 x_stride;
    int32 dx_stride;
};
using CausalConvBackwardArgs = CausalConvBackwardOf<bfloat16>;

namespace {

constexpr int kThreads = 128;
constexpr int kMaxWidth = 8;

/// Tokens [first, first + count) of a segment, and its tails if it is a prefix.
struct CausalConvTile {
    static constexpr int kFields = 8;
    int start, length, prefix_start, prefix_length, first, count, first_tail, tails;

    RM_DEVICE static CausalConvTile read(GlobalPtr<const int32> tiles, int index) {
        const GlobalPtr<const int32> at = tiles + index * kFields;
        return {at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7]};
    }

    /// Row of token `index` of the segment, which may be negative, or -1 before the sequence.
    RM_DEVICE int row(int index) const {
        if (index >= 0) return start + index;
        return prefix_length + index >= 0 ? prefix_start + prefix_length + index : -1;
    }
};

template <typename T>
RM_DEVICE float element(GlobalPtr<const T> matrix, int row, int stride, int column) {
    if (row < 0) return 0.0f;
    return to_float(matrix[static_cast<int64>(row) * stride + column]);
}

/// taps[back] belongs to the token that stands `back` before.
RM_DEVICE void load_taps(GlobalPtr<const float> w, int column, int width, float (&taps)[kMaxWidth]) {
#pragma unroll
    for (int back = 0; back < kMaxWidth; back++) {
        taps[back] = 0.0f;
        if (back < width) taps[back] = w[static_cast<int64>(column) * width + (width - 1 - back)];
    }
}

RM_DEVICE void push(float (&window)[kMaxWidth], float value) {
#pragma unroll
    for (int back = kMaxWidth - 1; back > 0; back--) window[back] = window[back - 1];
    window[0] = value;
}

/// The window before token `first` of the tile's segment.
template <typename T>
RM_DEVICE void load_window(GlobalPtr<const T> x, int stride, int column, const CausalConvTile& tile, int first, int width,
                           float (&window)[kMaxWidth]) {
#pragma unroll
    for (int back = 0; back < kMaxWidth; back++) {
        window[back] = 0.0f;
        if (back < width - 1) window[back] = element(x, tile.row(first - 1 - back), stride, column);
    }
}

// Beyond the filter's width a tap is zero, but what it would meet may be infinite.
RM_DEVICE float convolve(const float (&taps)[kMaxWidth], const float (&window)[kMaxWidth], int width) {
    float sum = 0.0f;
#pragma unroll
    for (int back = 0; back < kMaxWidth; back++) {
        if (back < width) sum += taps[back] * window[back];
    }
    return sum;
}

RM_DEVICE float silu_gradient(float dy, float z) {
    const float s = sigmoid(z);
    return dy * (s * (1.0f + z * (1.0f - s)));
}

template <typename T>
RM_DEVICE void forward(const CausalConvForwardOf<T>& args) {
    const int column = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x), width = args.width;
    if (column >= args.columns) return;
    const CausalConvTile tile = CausalConvTile::read(args.tiles, static_cast<int>(blockIdx.x));
    float taps[kMaxWidth], window[kMaxWidth];
    load_taps(args.w, column, width, taps);
    load_window(args.x, args.x_stride, column, tile, tile.first, width, window);
    for (int t = tile.first; t < tile.first + tile.count; t++) {
        const int64 row = tile.start + t;
        push(window, to_float(args.x[row * args.x_stride + column]));
        const float z = convolve(taps, window, width);
        args.y[row * args.y_stride + column] = from_float<T>(z * sigmoid(z));
    }
}

// What row `index` of a prefix, one of its last, receives from its tails.
template <typename T>
RM_DEVICE float from_tails(const CausalConvBackwardOf<T>& args, const CausalConvTile& prefix, int index, int column) {
    const int width = args.width;
    const GlobalPtr<const float> taps = args.w + (static_cast<int64>(column) * width + (width - 1));
    float sum = 0.0f;
    for (int tail = prefix.first_tail; tail < prefix.first_tail + prefix.tails; tail++) {
        const CausalConvTile segment{args.tails[2 * tail], args.tails[2 * tail + 1], prefix.start, prefix.length, 0, 0, 0, 0};
#pragma unroll 1
        for (int t = 0; t < segment.length && prefix.length - index + t < width; t++) {
            float z = 0.0f;
#pragma unroll 1
            for (int back = 0; back < width; back++)
                z += taps[-back] * element(args.x, segment.row(t - back), args.x_stride, column);
            const float d = silu_gradient(element(args.dy, segment.start + t, args.dy_stride, column), z);
            sum += d * taps[-(prefix.length - index + t)];
        }
    }
    return sum;
}

template <typename T>
RM_DEVICE void backward(const CausalConvBackwardOf<T>& args) {
    const int column = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x), width = args.width;
    if (column >= args.columns) return;
    const CausalConvTile tile = CausalConvTile::read(args.tiles, static_cast<int>(blockIdx.x));
    const int end = tile.first + tile.count;
    float taps[kMaxWidth], x[kMaxWidth], d[kMaxWidth], sums[kMaxWidth];
    load_taps(args.w, column, width, taps);
    load_window(args.x, args.x_stride, column, tile, tile.first, width, x);
#pragma unroll
    for (int back = 0; back < kMaxWidth; back++) d[back] = sums[back] = 0.0f;
    // d[0] is that of token t: the row whose last contribution is in d[0] at full width stands seven before.
    for (int t = tile.first; t < end + kMaxWidth - 1; t++) {
        float gradient = 0.0f;
        if (t < minimum(tile.length, end + width - 1)) {
            push(x, element(args.x, tile.start + t, args.x_stride, column));
            gradient = silu_gradient(element(args.dy, tile.start + t, args.dy_stride, column), convolve(taps, x, width));
        }
        push(d, gradient);
        if (t < end) {
#pragma unroll
            for (int back = 0; back < kMaxWidth; back++) {
                if (back < width) sums[back] += gradient * x[back];
            }
        }
        const int index = t - (kMaxWidth - 1);
        if (index < tile.first) continue;
        float sum = 0.0f;
#pragma unroll
        for (int back = 0; back < kMaxWidth; back++) {
            if (back < width) sum += taps[back] * d[kMaxWidth - 1 - back];
        }
        if (tile.tails > 0 && tile.length - index < width) sum += from_tails(args, tile, index, column);
        args.dx[static_cast<int64>(tile.start + index) * args.dx_stride + column] = from_float<T>(sum);
    }
    if (args.partial == nullptr) return;
    const GlobalPtr<float> partial = args.partial + (static_cast<int64>(blockIdx.x) * args.columns + column) * width;
#pragma unroll
    for (int back = 0; back < kMaxWidth; back++) {
        if (back < width) partial[width - 1 - back] = sums[back];
    }
}

}  // namespace

#define RM_CONV(suffix, type)                                                                                               \
    extern "C" __global__ void __launch_bounds__(kThreads) causal_conv_forward_##suffix(CausalConvForwardOf<type> args) {   \
        forward(args);                                                                                                      \
    }                                                                                                                       \
    extern "C" __global__ void __launch_bounds__(kThreads) causal_conv_backward_##suffix(CausalConvBackwardOf<type> args) { \
        backward(args);                                                                                                     \
    }
RM_CONV(bf16, bfloat16)
RM_CONV(f32, float)
#undef RM_CONV

RM_KERNEL(causal_conv_forward_bf16, kThreads)
RM_KERNEL(causal_conv_forward_f32, kThreads)
RM_KERNEL(causal_conv_backward_bf16, kThreads)
RM_KERNEL(causal_conv_backward_f32, kThreads)

RM_LAYOUT(CausalConvForwardArgs, RM_FIELD(CausalConvForwardArgs, x), RM_FIELD(CausalConvForwardArgs, w),
          RM_FIELD(CausalConvForwardArgs, y), RM_FIELD(CausalConvForwardArgs, tiles), RM_FIELD(CausalConvForwardArgs, columns),
          RM_FIELD(CausalConvForwardArgs, width), RM_FIELD(CausalConvForwardArgs, x_stride),
          RM_FIELD(CausalConvForwardArgs, y_stride))
RM_LAYOUT(CausalConvBackwardArgs, RM_FIELD(CausalConvBackwardArgs, dy), RM_FIELD(CausalConvBackwardArgs, x),
          RM_FIELD(CausalConvBackwardArgs, w), RM_FIELD(CausalConvBackwardArgs, dx), RM_FIELD(CausalConvBackwardArgs, partial),
          RM_FIELD(CausalConvBackwardArgs, tiles), RM_FIELD(CausalConvBackwardArgs, tails),
          RM_FIELD(CausalConvBackwardArgs, columns), RM_FIELD(CausalConvBackwardArgs, width),
          RM_FIELD(CausalConvBackwardArgs, dy_stride), RM_FIELD(CausalConvBackwardArgs, x_stride),
          RM_FIELD(CausalConvBackwardArgs, dx_stride))
