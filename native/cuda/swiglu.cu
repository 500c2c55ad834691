// SwiGLU (Shazeer 2020), forward and backward.
//
//   s = 1 / (1 + exp(-gate)):   y = gate * s * up
//   d_gate = dy * up * s * (1 + gate * (1 - s)),   d_up = dy * gate * s
//
// geglu_*: the same with GELU in its tanh form (Hendrycks and Gimpel 2016) in place of gate * s: there s is 1 / (1 + exp(-2z))
// with z = sqrt(2/pi) (gate + 0.044715 gate^3).
//
// Shapes: gate_up, d_gate_up [T, 2F] (gate in the first F columns, up in the last) with row strides in elements, y, dy [T, F]
// contiguous, float32 or bfloat16 (the kernel's suffix). Outputs: y =, d_gate_up = (may be the memory of gate_up). Arithmetic in
// float32; deterministic, every element by itself.
//
// Launch: grid (T, ceil(F / (256 * packet))) with packets of 16 bytes when `packed` is 1, which needs an F that is a multiple of
// them and rows of every tensor that start at one, else with packet 1; block 256. Not yet timed on a GPU.
#include "common/launch.cuh"
#include "common/packet.cuh"
#include "common/swiglu.cuh"

template <typename T>
struct SwiGluBackwardOf {
    GlobalPtr<const T> dy;
    GlobalPtr<const T> gate_up;
    GlobalPtr<T> d_gate_up;
    int32 features;  // F
    int32 gate_up_stride;
    int32 d_gate_up_stride;
    int32 packed;
};
using SwiGluBackwardArgs = SwiGluBackwardOf<bfloat16>;

namespace {

constexpr int kThreads = 256;

// What a gate goes through, and its slope there.
struct Silu {
    RM_DEVICE static float of(float gate, float& slope) {
        const float s = sigmoid(gate);
        slope = s * (1.0f + gate * (1.0f - s));
        return gate * s;
    }
};

struct GeluTanh {
    RM_DEVICE static float of(float gate, float& slope) {
        const float root = 2.0f * 0.7978845608028654f, cubic = 0.044715f, square = gate * gate;
        const float twice = root * gate * (1.0f + cubic * square), e = expf(-fabsf(twice));
        const float larger = 1.0f / (1.0f + e), smaller = e * larger, share = twice < 0.0f ? smaller : larger;
        const float bend = larger * smaller;
        // Far from zero the square may overflow while the product of the shares is zero.
        slope = share + (bend == 0.0f ? 0.0f : gate * bend * root * (1.0f + 3.0f * cubic * square));
        return gate * share;
    }
};

template <typename Activation>
RM_DEVICE float gated(float gate, float up) {
    float slope;
    return Activation::of(gate, slope) * up;
}

template <>
RM_DEVICE float gated<Silu>(float gate, float up) {
    return swiglu(gate, up);  // the bits of the product that computes it in its registers
}

template <typename Activation, typename T>
RM_DEVICE void forward(GlobalPtr<const T> gate_up, GlobalPtr<T> y, int features, int stride, bool packed) {
    constexpr int kCount = Packet<T>::kCount;
    const int64 row = blockIdx.x;
    const int thread = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    const GlobalPtr<const T> gates = gate_up + row * stride, ups = gates + features;
    const GlobalPtr<T> out = y + row * features;
    if (packed) {
        const int c = thread * kCount;
        if (c >= features) return;
        float gate[kCount], up[kCount];
        unpack(load_packet(gates + c), gate);
        unpack(load_packet(ups + c), up);
#pragma unroll
        for (int i = 0; i < kCount; i++) gate[i] = gated<Activation>(gate[i], up[i]);
        Packet<T> packet;
        pack(gate, packet);
        store_packet(out + c, packet);
    } else if (thread < features) {
        const float gate = to_float(gates[thread]), up = to_float(ups[thread]);
        out[thread] = from_float<T>(gated<Activation>(gate, up));
    }
}

// The thread that reads an element of gate_up is the one that writes it to d_gate_up.
template <typename Activation, typename T>
RM_DEVICE void backward(const SwiGluBackwardOf<T>& args) {
    constexpr int kCount = Packet<T>::kCount;
    const int64 row = blockIdx.x;
    const int thread = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x), features = args.features;
    const GlobalPtr<const T> dy = args.dy + row * features, gates = args.gate_up + row * args.gate_up_stride;
    const GlobalPtr<const T> ups = gates + features;
    const GlobalPtr<T> d_gates = args.d_gate_up + row * args.d_gate_up_stride, d_ups = d_gates + features;
    if (args.packed != 0) {
        const int c = thread * kCount;
        if (c >= features) return;
        float gate[kCount], up[kCount], gradient[kCount];
        unpack(load_packet(gates + c), gate);
        unpack(load_packet(ups + c), up);
        unpack(load_packet(dy + c), gradient);
#pragma unroll
        for (int i = 0; i < kCount; i++) {
            float slope;
            const float activated = Activation::of(gate[i], slope);
            gate[i] = gradient[i] * up[i] * slope;
            up[i] = gradient[i] * activated;
        }
        Packet<T> packet;
        pack(gate, packet);
        store_packet(d_gates + c, packet);
        pack(up, packet);
        store_packet(d_ups + c, packet);
    } else if (thread < features) {
        const float gate = to_float(gates[thread]), up = to_float(ups[thread]);
        const float gradient = to_float(dy[thread]);
        float slope;
        const float activated = Activation::of(gate, slope);
        d_gates[thread] = from_float<T>(gradient * up * slope);
        d_ups[thread] = from_float<T>(gradient * activated);
    }
}

}  // namespace

#define RM_GATED(name, activation, suffix, type)                                                                                \
    extern "C" __global__ void __launch_bounds__(kThreads)                                                                      \
        name##_forward_##suffix(GlobalPtr<const type> gate_up, GlobalPtr<type> y, int32 features, int32 stride, int32 packed) { \
        forward<activation>(gate_up, y, features, stride, packed != 0);                                                         \
    }                                                                                                                           \
    extern "C" __global__ void __launch_bounds__(kThreads) name##_backward_##suffix(SwiGluBackwardOf<type> args) {              \
        backward<activation>(args);                                                                                             \
    }
RM_GATED(swiglu, Silu, bf16, bfloat16)
RM_GATED(swiglu, Silu, f32, float)
RM_GATED(geglu, GeluTanh, bf16, bfloat16)
RM_GATED(geglu, GeluTanh, f32, float)
#undef RM_GATED

RM_KERNEL(swiglu_forward_bf16, kThreads)
RM_KERNEL(swiglu_forward_f32, kThreads)
RM_KERNEL(swiglu_backward_bf16, kThreads)
RM_KERNEL(swiglu_backward_f32, kThreads)
RM_KERNEL(geglu_forward_bf16, kThreads)
RM_KERNEL(geglu_forward_f32, kThreads)
RM_KERNEL(geglu_backward_bf16, kThreads)
RM_KERNEL(geglu_backward_f32, kThreads)

RM_LAYOUT(SwiGluBackwardArgs, RM_FIELD(SwiGluBackwardArgs, dy), RM_FIELD(SwiGluBackwardArgs, gate_up),
          RM_FIELD(SwiGluBackwardArgs, d_gate_up), RM_FIELD(SwiGluBackwardArgs, features),
          RM_FIELD(SwiGluBackwardArgs, gate_up_stride), RM_FIELD(SwiGluBackwardArgs, d_gate_up_stride),
          RM_FIELD(SwiGluBackwardArgs, packed))
