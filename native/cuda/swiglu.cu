// SwiGLU (Shazeer 2020), forward and backward.
//
//   s = 1 / (1 + exp(-gate)):   y = gate * s * up
//   d_gate = dy * up * s * (1 + gate * (1 - s)),   d_up = dy * gate * s
//
// Shapes: gate_up, d_gate_up [T, 2F] (gate in the first F columns, up in the last), y, dy [T, F], float32 or bfloat16 (the
// kernel's suffix), contiguous. Outputs: y =, d_gate_up = (may be the memory of gate_up). Arithmetic in float32; deterministic,
// every element by itself.
//
// Launch: grid (T, ceil(F / (256 * packet))) with packets of 16 bytes when F is a multiple of them and every tensor starts at
// one, else with packet 1; block 256. Not yet timed on a GPU.
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/swiglu.cuh"

namespace {

constexpr int kThreads = 256;

template <typename T>
RM_DEVICE void forward(GlobalPtr<const T> gate_up, GlobalPtr<T> y, int features) {
    constexpr int kCount = Packet<T>::kCount;
    const int64 row = blockIdx.x;
    const int thread = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    const GlobalPtr<const T> gates = gate_up + row * 2 * features, ups = gates + features;
    const GlobalPtr<T> out = y + row * features;
    if (features % kCount == 0) {
        const int c = thread * kCount;
        if (c >= features) return;
        float gate[kCount], up[kCount];
        unpack(load_packet(gates + c), gate);
        unpack(load_packet(ups + c), up);
#pragma unroll
        for (int i = 0; i < kCount; i++) gate[i] = swiglu(gate[i], up[i]);
        Packet<T> packet;
        pack(gate, packet);
        store_packet(out + c, packet);
    } else if (thread < features) {
        const float gate = to_float(gates[thread]), up = to_float(ups[thread]);
        out[thread] = from_float<T>(swiglu(gate, up));
    }
}

// The thread that reads an element of gate_up is the one that writes it to d_gate_up.
template <typename T>
RM_DEVICE void backward(GlobalPtr<const T> dy, GlobalPtr<const T> gate_up, GlobalPtr<T> d_gate_up, int features) {
    constexpr int kCount = Packet<T>::kCount;
    const int64 row = blockIdx.x, start = row * 2 * features;
    const int thread = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    if (features % kCount == 0) {
        const int c = thread * kCount;
        if (c >= features) return;
        float gate[kCount], up[kCount], gradient[kCount];
        unpack(load_packet(gate_up + start + c), gate);
        unpack(load_packet(gate_up + start + features + c), up);
        unpack(load_packet(dy + row * features + c), gradient);
#pragma unroll
        for (int i = 0; i < kCount; i++) {
            const float s = sigmoid(gate[i]), silu = gate[i] * s;
            const float d_gate = gradient[i] * up[i] * s * (1.0f + gate[i] * (1.0f - s));
            up[i] = gradient[i] * silu;
            gate[i] = d_gate;
        }
        Packet<T> packet;
        pack(gate, packet);
        store_packet(d_gate_up + start + c, packet);
        pack(up, packet);
        store_packet(d_gate_up + start + features + c, packet);
    } else if (thread < features) {
        const float gate = to_float(gate_up[start + thread]), up = to_float(gate_up[start + features + thread]);
        const float gradient = to_float(dy[row * features + thread]), s = sigmoid(gate);
        d_gate_up[start + thread] = from_float<T>(gradient * up * s * (1.0f + gate * (1.0f - s)));
        d_gate_up[start + features + thread] = from_float<T>(gradient * gate * s);
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads)
    swiglu_forward_bf16(GlobalPtr<const bfloat16> gate_up, GlobalPtr<bfloat16> y, int32 features) {
    forward(gate_up, y, features);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    swiglu_forward_f32(GlobalPtr<const float> gate_up, GlobalPtr<float> y, int32 features) {
    forward(gate_up, y, features);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    swiglu_backward_bf16(GlobalPtr<const bfloat16> dy, GlobalPtr<const bfloat16> gate_up, GlobalPtr<bfloat16> d_gate_up,
                         int32 features) {
    backward(dy, gate_up, d_gate_up, features);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    swiglu_backward_f32(GlobalPtr<const float> dy, GlobalPtr<const float> gate_up, GlobalPtr<float> d_gate_up, int32 features) {
    backward(dy, gate_up, d_gate_up, features);
}

RM_KERNEL(swiglu_forward_bf16, kThreads)
RM_KERNEL(swiglu_forward_f32, kThreads)
RM_KERNEL(swiglu_backward_bf16, kThreads)
RM_KERNEL(swiglu_backward_f32, kThreads)
