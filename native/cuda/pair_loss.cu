// Bradley-Terry loss of pairs (Bradley and Terry 1952) and its gradient, in one kernel: both need the same few numbers.
//
//   d = r_c - r_r,  z = beta d - margin,  f = weight * normalizer,  softplus(x) = log(1 + e^x)
//   loss = f ((1 - eps) softplus(-z) + eps softplus(z) + score_reg (r_c^2 + r_r^2) + margin_reg d^2)
//   t = beta (eps sigmoid(z) - (1 - eps) sigmoid(-z)) + 2 margin_reg d
//   d_r_c = f (t + 2 score_reg r_c),   d_r_r = f (2 score_reg r_r - t)
//
// Shapes: rewards, d_rewards [2n] (chosen and rejected of each pair in turn), margins, weights, losses [n], float32; margins,
// weights and d_rewards may be null. losses =, d_rewards =. In double precision: a few pairs, and differences of large rewards
// cancel. Deterministic, every pair by itself.
//
// Launch: grid (ceil(n / 128)), block 128.
#include "common/launch.cuh"
#include "common/memory.cuh"

struct PairLossArgs {
    GlobalPtr<const float> rewards;
    GlobalPtr<const float> margins;
    GlobalPtr<const float> weights;
    GlobalPtr<float> losses;
    GlobalPtr<float> d_rewards;
    int32 pairs;  // n
    float beta;
    float label_smoothing;
    float score_regularization;
    float margin_regularization;
    float normalizer;
};

namespace {

constexpr int kThreads = 128;

RM_DEVICE double softplus(double x) {
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

RM_DEVICE double logistic(double x) {
    const double tail = exp(-fabs(x));
    return x >= 0.0 ? 1.0 / (1.0 + tail) : tail / (1.0 + tail);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(kThreads) pair_loss_forward_f32(PairLossArgs args) {
    const int pair = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (pair >= args.pairs) return;
    const double beta = args.beta, smoothing = args.label_smoothing;
    const double score = args.score_regularization, spread = args.margin_regularization;
    const double chosen = args.rewards[2 * pair], rejected = args.rewards[2 * pair + 1], difference = chosen - rejected;
    double margin = 0.0, factor = args.normalizer;
    if (args.margins != nullptr) margin = args.margins[pair];
    if (args.weights != nullptr) factor *= args.weights[pair];
    const double z = beta * difference - margin;
    const double loss = (1.0 - smoothing) * softplus(-z) + smoothing * softplus(z) +
                        score * (chosen * chosen + rejected * rejected) + spread * difference * difference;
    args.losses[pair] = static_cast<float>(factor * loss);
    if (args.d_rewards == nullptr) return;
    const double towards_chosen = beta * (smoothing * logistic(z) - (1.0 - smoothing) * logistic(-z)) + 2.0 * spread * difference;
    args.d_rewards[2 * pair] = static_cast<float>(factor * (towards_chosen + 2.0 * score * chosen));
    args.d_rewards[2 * pair + 1] = static_cast<float>(factor * (2.0 * score * rejected - towards_chosen));
}

RM_KERNEL(pair_loss_forward_f32, kThreads)

RM_LAYOUT(PairLossArgs, RM_FIELD(PairLossArgs, rewards), RM_FIELD(PairLossArgs, margins), RM_FIELD(PairLossArgs, weights),
          RM_FIELD(PairLossArgs, losses), RM_FIELD(PairLossArgs, d_rewards), RM_FIELD(PairLossArgs, pairs),
          RM_FIELD(PairLossArgs, beta), RM_FIELD(PairLossArgs, label_smoothing), RM_FIELD(PairLossArgs, score_regularization),
          RM_FIELD(PairLossArgs, margin_regularization), RM_FIELD(PairLossArgs, normalizer))
