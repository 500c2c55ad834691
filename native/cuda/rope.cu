// Rotary position embedding (Su et al. 2021), with the halves of a head as in the Hugging Face models.
//
//   table:     cos_sin[t,i] = m cos(a), cos_sin[t,R/2+i] = m sin(a),  a = position[t] * inverse_frequency[i] rounded to float32,
//              m = scale (1 + growth ln(1 + floor(position[t] / growth_length)))
//   forward:   (x1, x2) = (x1 cos - x2 sin, x2 cos + x1 sin)       backward: the same with -sin
//
// Shapes: positions [T] int32, inverse_frequencies [R/2], cos_sin [T, R] contiguous, float32; x [T, H * D] with a row stride in
// elements, float32 or bfloat16 (the kernel's suffix), in place: the first R features of each head are rotated. cos_sin =. The
// table's sines are taken in double precision: its angles reach tens of thousands. Rotation in float32; deterministic, every pair
// by itself.
//
// Launch: table: grid (T), block any. forward, backward: grid (T, any), block any; grid.y and the block only share out the pairs.
// `packed` is 1 when R/2 and D are multiples of the elements in 16 bytes of x's type and all rows of x and cos_sin start at
// multiples of 16 bytes. Not yet timed on a GPU.
#include "common/launch.cuh"
#include "common/packet.cuh"

struct RopeTableArgs {
    GlobalPtr<const int32> positions;
    GlobalPtr<const float> inverse_frequencies;
    GlobalPtr<float> cos_sin;
    int32 half;  // R / 2
    int32 growth_length;
    float growth;
    float scale;
};

template <typename T>
struct RopeOf {
    GlobalPtr<T> x;
    GlobalPtr<const float> cos_sin;
    int32 heads;     // H
    int32 head_dim;  // D
    int32 rotated;   // R, at most D
    int32 x_stride;
    int32 packed;
};
using RopeArgs = RopeOf<bfloat16>;

namespace {

constexpr int kThreads = 256;

/// kCount float32 from a 16-byte aligned address.
template <int kCount>
RM_DEVICE void load_floats(GlobalPtr<const float> from, float (&values)[kCount]) {
#pragma unroll
    for (int i = 0; i < kCount; i += 4) {
        float part[4];
        unpack(load_packet(from + i), part);
#pragma unroll
        for (int j = 0; j < 4; j++) values[i + j] = part[j];
    }
}

template <typename T>
RM_DEVICE void rotate(const RopeOf<T>& args, float sign) {
    constexpr int kCount = Packet<T>::kCount;
    const int half = args.rotated / 2;
    const GlobalPtr<T> row = args.x + static_cast<int64>(blockIdx.x) * args.x_stride;
    const GlobalPtr<const float> angles = args.cos_sin + static_cast<int64>(blockIdx.x) * args.rotated;
    const int step = static_cast<int>(gridDim.y * blockDim.x);
    int item = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    if (args.packed != 0) {
        const int packets = half / kCount;
        for (; item < args.heads * packets; item += step) {
            const int head = item / packets, c = (item - head * packets) * kCount;
            const GlobalPtr<T> first = row + (head * args.head_dim + c), second = first + half;
            float x1[kCount], x2[kCount], cosine[kCount], sine[kCount];
            unpack(load_packet(first), x1);
            unpack(load_packet(second), x2);
            load_floats(angles + c, cosine);
            load_floats(angles + half + c, sine);
#pragma unroll
            for (int i = 0; i < kCount; i++) {
                const float s = sine[i] * sign, turned = x1[i] * cosine[i] - x2[i] * s;
                x2[i] = x2[i] * cosine[i] + x1[i] * s;
                x1[i] = turned;
            }
            Packet<T> packet;
            pack(x1, packet);
            store_packet(first, packet);
            pack(x2, packet);
            store_packet(second, packet);
        }
    } else {
        for (; item < args.heads * half; item += step) {
            const int head = item / half, c = item - head * half;
            const GlobalPtr<T> first = row + (head * args.head_dim + c), second = first + half;
            const float x1 = to_float(first[0]), x2 = to_float(second[0]);
            const float cosine = angles[c], sine = angles[half + c] * sign;
            first[0] = from_float<T>(x1 * cosine - x2 * sine);
            second[0] = from_float<T>(x2 * cosine + x1 * sine);
        }
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) rope_table_forward_f32(RopeTableArgs args) {
    const int32 position = args.positions[blockIdx.x], half = args.half;
    float scale = args.scale;
    if (args.growth != 0.0f) scale *= 1.0f + args.growth * logf(static_cast<float>(1 + position / args.growth_length));
    const GlobalPtr<float> row = args.cos_sin + static_cast<int64>(blockIdx.x) * 2 * half;
    for (int i = static_cast<int>(threadIdx.x); i < half; i += static_cast<int>(blockDim.x)) {
        const double angle = static_cast<float>(position) * args.inverse_frequencies[i];
        row[i] = static_cast<float>(cos(angle)) * scale;
        row[half + i] = static_cast<float>(sin(angle)) * scale;
    }
}

extern "C" __global__ void __launch_bounds__(kThreads) rope_forward_bf16(RopeOf<bfloat16> args) {
    rotate(args, 1.0f);
}

extern "C" __global__ void __launch_bounds__(kThreads) rope_forward_f32(RopeOf<float> args) {
    rotate(args, 1.0f);
}

extern "C" __global__ void __launch_bounds__(kThreads) rope_backward_bf16(RopeOf<bfloat16> args) {
    rotate(args, -1.0f);
}

extern "C" __global__ void __launch_bounds__(kThreads) rope_backward_f32(RopeOf<float> args) {
    rotate(args, -1.0f);
}

RM_KERNEL(rope_table_forward_f32, kThreads)
RM_KERNEL(rope_forward_bf16, kThreads)
RM_KERNEL(rope_forward_f32, kThreads)
RM_KERNEL(rope_backward_bf16, kThreads)
RM_KERNEL(rope_backward_f32, kThreads)

RM_LAYOUT(RopeTableArgs, RM_FIELD(RopeTableArgs, positions), RM_FIELD(RopeTableArgs, inverse_frequencies),
          RM_FIELD(RopeTableArgs, cos_sin), RM_FIELD(RopeTableArgs, half), RM_FIELD(RopeTableArgs, growth_length),
          RM_FIELD(RopeTableArgs, growth), RM_FIELD(RopeTableArgs, scale))
RM_LAYOUT(RopeArgs, RM_FIELD(RopeArgs, x), RM_FIELD(RopeArgs, cos_sin), RM_FIELD(RopeArgs, heads), RM_FIELD(RopeArgs, head_dim),
          RM_FIELD(RopeArgs, rotated), RM_FIELD(RopeArgs, x_stride), RM_FIELD(RopeArgs, packed))
