// AdamW (Loshchilov and Hutter 2019) in PyTorch's order of operations, on one range of the flat parameter buffer.
//
//   g = gradient_scale * gradient,  m += (g - m) first_weight,  v = beta2 v + second_weight g^2
//   p = p decay + negative_step_size m / (sqrt(v) / correction2_root + epsilon)
//
// with first_weight = 1 - beta1, second_weight = 1 - beta2, decay = 1 - lr * weight_decay, negative_step_size = -lr / (1 -
// beta1^step), correction2_root = sqrt(1 - beta2^step), made in double precision by the launcher and rounded once. m moves from
// the nearer end, as torch.lerp. Shapes: parameters, first_moment, second_moment [count] in place, gradients [count]; float32.
// Deterministic, every element by itself.
//
// Launch: grid any, block any (they share out the elements). `packed` is 1 when all four pointers are multiples of 16 bytes. Not
// yet timed on a GPU.
#include "common/launch.cuh"
#include "common/packet.cuh"

struct AdamWArgs {
    GlobalPtr<float> parameters;
    GlobalPtr<const float> gradients;
    GlobalPtr<float> first_moment;
    GlobalPtr<float> second_moment;
    int64 count;
    float gradient_scale;
    float decay;
    float first_weight;
    float beta2;
    float second_weight;
    float correction2_root;
    float epsilon;
    float negative_step_size;
    int32 packed;
};

namespace {

constexpr int kThreads = 256;

RM_DEVICE void update(const AdamWArgs& args, float gradient, float& parameter, float& first, float& second) {
    const float g = gradient * args.gradient_scale, difference = g - first;
    first = args.first_weight < 0.5f ? fmaf(args.first_weight, difference, first) : fmaf(args.first_weight - 1.0f, difference, g);
    second = second * args.beta2 + args.second_weight * g * g;
    const float denominator = sqrtf(second) / args.correction2_root + args.epsilon;
    parameter = parameter * args.decay + args.negative_step_size * first / denominator;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) adamw_forward_f32(AdamWArgs args) {
    const int64 thread = static_cast<int64>(blockIdx.x) * blockDim.x + threadIdx.x;
    const int64 threads = static_cast<int64>(gridDim.x) * blockDim.x;
    int64 done = 0;
    if (args.packed != 0) {
        done = args.count / 4 * 4;
        for (int64 i = thread * 4; i < done; i += threads * 4) {
            float p[4], g[4], m[4], v[4];
            unpack(load_packet(args.parameters + i), p);
            unpack(load_packet(args.gradients + i), g);
            unpack(load_packet(args.first_moment + i), m);
            unpack(load_packet(args.second_moment + i), v);
#pragma unroll
            for (int j = 0; j < 4; j++) update(args, g[j], p[j], m[j], v[j]);
            Packet<float> packet;
            pack(p, packet);
            store_packet(args.parameters + i, packet);
            pack(m, packet);
            store_packet(args.first_moment + i, packet);
            pack(v, packet);
            store_packet(args.second_moment + i, packet);
        }
    }
    for (int64 i = done + thread; i < args.count; i += threads) {
        float p = args.parameters[i], m = args.first_moment[i], v = args.second_moment[i];
        update(args, args.gradients[i], p, m, v);
        args.parameters[i] = p;
        args.first_moment[i] = m;
        args.second_moment[i] = v;
    }
}

RM_KERNEL(adamw_forward_f32, kThreads)

RM_LAYOUT(AdamWArgs, RM_FIELD(AdamWArgs, parameters), RM_FIELD(AdamWArgs, gradients), RM_FIELD(AdamWArgs, first_moment),
          RM_FIELD(AdamWArgs, second_moment), RM_FIELD(AdamWArgs, count), RM_FIELD(AdamWArgs, gradient_scale),
          RM_FIELD(AdamWArgs, decay), RM_FIELD(AdamWArgs, first_weight), RM_FIELD(AdamWArgs, beta2),
          RM_FIELD(AdamWArgs, second_weight), RM_FIELD(AdamWArgs, correction2_root), RM_FIELD(AdamWArgs, epsilon),
          RM_FIELD(AdamWArgs, negative_step_size), RM_FIELD(AdamWArgs, packed))
