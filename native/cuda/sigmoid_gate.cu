// The output gate of attention, forward and backward.
//
//   s = 1 / (1 + exp(-gate)):   y = x s;   dx = dy s,   d_gate = dy x s (1 - s)
//
// Shapes: x, gate, y, dy, dx, d_gate [R, C] with row strides in elements, float32 or bfloat16 (the kernel's suffix). Outputs: y =
// (may be the memory of x), dx = (of dy), d_gate = (of gate). Arithmetic in float32; deterministic, every element by itself.
//
// Launch: grid (R, ceil(C / (256 * packet))) with packets of 16 bytes when `packed` is 1, which needs whole packets in a row and
// rows of every tensor that start at one, else with packet 1; block 256. Not yet timed on a GPU.
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/swiglu.cuh"

template <typename T>
struct SigmoidGateForwardOf {
    GlobalPtr<const T> x;
    GlobalPtr<const T> gate;
    GlobalPtr<T> y;
    int32 columns;
    int32 x_stride;
    int32 gate_stride;
    int32 y_stride;
    int32 packed;
};
using SigmoidGateForwardArgs = SigmoidGateForwardOf<bfloat16>;

template <typename T>
struct SigmoidGateBackwardOf {
    GlobalPtr<const T> dy;
    GlobalPtr<const T> x;
    GlobalPtr<const T> gate;
    GlobalPtr<T> dx;
    GlobalPtr<T> d_gate;
    int32 columns;
    int32 dy_stride;
    int32 x_stride;
    int32 gate_stride;
    int32 dx_stride;
    int32 d_gate_stride;
    int32 packed;
};
using SigmoidGateBackwardArgs = SigmoidGateBackwardOf<bfloat16>;

namespace {

constexpr int kThreads = 256;

RM_DEVICE float gated(float x, float gate) {
    return x * sigmoid(gate);
}

RM_DEVICE void gated_backward(float& dy, float x, float& gate) {
    const float s = sigmoid(gate), gradient = dy;
    dy = gradient * s;
    gate = gradient * x * (s * (1.0f - s));
}

template <typename T>
RM_DEVICE void forward(const SigmoidGateForwardOf<T>& args) {
    constexpr int kCount = Packet<T>::kCount;
    const int64 row = blockIdx.x;
    const int thread = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    const GlobalPtr<const T> x = args.x + row * args.x_stride, gate = args.gate + row * args.gate_stride;
    const GlobalPtr<T> y = args.y + row * args.y_stride;
    if (args.packed != 0) {
        const int c = thread * kCount;
        if (c >= args.columns) return;
        float values[kCount], gates[kCount];
        unpack(load_packet(x + c), values);
        unpack(load_packet(gate + c), gates);
#pragma unroll
        for (int i = 0; i < kCount; i++) values[i] = gated(values[i], gates[i]);
        Packet<T> packet;
        pack(values, packet);
        store_packet(y + c, packet);
    } else if (thread < args.columns) {
        y[thread] = from_float<T>(gated(to_float(x[thread]), to_float(gate[thread])));
    }
}

// The thread that reads an element is the one that overwrites it.
template <typename T>
RM_DEVICE void backward(const SigmoidGateBackwardOf<T>& args) {
    constexpr int kCount = Packet<T>::kCount;
    const int64 row = blockIdx.x;
    const int thread = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    const GlobalPtr<const T> dy = args.dy + row * args.dy_stride, x = args.x + row * args.x_stride;
    const GlobalPtr<const T> gate = args.gate + row * args.gate_stride;
    const GlobalPtr<T> dx = args.dx + row * args.dx_stride, d_gate = args.d_gate + row * args.d_gate_stride;
    if (args.packed != 0) {
        const int c = thread * kCount;
        if (c >= args.columns) return;
        float gradients[kCount], values[kCount], gates[kCount];
        unpack(load_packet(dy + c), gradients);
        unpack(load_packet(x + c), values);
        unpack(load_packet(gate + c), gates);
#pragma unroll
        for (int i = 0; i < kCount; i++) gated_backward(gradients[i], values[i], gates[i]);
        Packet<T> packet;
        pack(gradients, packet);
        store_packet(dx + c, packet);
        pack(gates, packet);
        store_packet(d_gate + c, packet);
    } else if (thread < args.columns) {
        float gradient = to_float(dy[thread]), of_gate = to_float(gate[thread]);
        gated_backward(gradient, to_float(x[thread]), of_gate);
        dx[thread] = from_float<T>(gradient);
        d_gate[thread] = from_float<T>(of_gate);
    }
}

}  // namespace

#define RM_GATE(suffix, type)                                                                                                 \
    extern "C" __global__ void __launch_bounds__(kThreads) sigmoid_gate_forward_##suffix(SigmoidGateForwardOf<type> args) {   \
        forward(args);                                                                                                        \
    }                                                                                                                         \
    extern "C" __global__ void __launch_bounds__(kThreads) sigmoid_gate_backward_##suffix(SigmoidGateBackwardOf<type> args) { \
        backward(args);                                                                                                       \
    }
RM_GATE(bf16, bfloat16)
RM_GATE(f32, float)
#undef RM_GATE

RM_KERNEL(sigmoid_gate_forward_bf16, kThreads)
RM_KERNEL(sigmoid_gate_forward_f32, kThreads)
RM_KERNEL(sigmoid_gate_backward_bf16, kThreads)
RM_KERNEL(sigmoid_gate_backward_f32, kThreads)

RM_LAYOUT(SigmoidGateForwardArgs, RM_FIELD(SigmoidGateForwardArgs, x), RM_FIELD(SigmoidGateForwardArgs, gate),
          RM_FIELD(SigmoidGateForwardArgs, y), RM_FIELD(SigmoidGateForwardArgs, columns),
          RM_FIELD(SigmoidGateForwardArgs, x_stride), RM_FIELD(SigmoidGateForwardArgs, gate_stride),
          RM_FIELD(SigmoidGateForwardArgs, y_stride), RM_FIELD(SigmoidGateForwardArgs, packed))
RM_LAYOUT(SigmoidGateBackwardArgs, RM_FIELD(SigmoidGateBackwardArgs, dy), RM_FIELD(SigmoidGateBackwardArgs, x),
          RM_FIELD(SigmoidGateBackwardArgs, gate), RM_FIELD(SigmoidGateBackwardArgs, dx),
          RM_FIELD(SigmoidGateBackwardArgs, d_gate), RM_FIELD(SigmoidGateBackwardArgs, columns),
          RM_FIELD(SigmoidGateBackwardArgs, dy_stride), RM_FIELD(SigmoidGateBackwardArgs, x_stride),
          RM_FIELD(SigmoidGateBackwardArgs, gate_stride), RM_FIELD(SigmoidGateBackwardArgs, dx_stride),
          RM_FIELD(SigmoidGateBackwardArgs, d_gate_stride), RM_FIELD(SigmoidGateBackwardArgs, packed))
