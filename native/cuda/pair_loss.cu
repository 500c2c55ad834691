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
//
// ranking_loss: the same for rankings of K answers. A stage is one pair (plackett_luce 0) or one answer i against all j that it
// is better than (1; Plackett 1975, Luce 1959). share = 1 / pairs of the ranking:
//
//   z_ij = beta (r_i - r_j) - margin,  stage = log(1 + sum_j e^-z_ij),  p_ij = e^-z_ij / (1 + sum_k e^-z_ik)
//   loss = f (a sum of stages + share sum of pairs' regularizations),  a = share for pairs (smoothed as above), 1 for
//   Plackett-Luce t_ij = beta a (eps sigmoid(z_ij) - (1 - eps) p_ij) + share 2 margin_reg d,   d_r_i += f (t_ij + ...),  d_r_j +=
//   f (... - t_ij)
//
// Shapes: rewards, d_rewards [S], margins, weights, losses [g], float32; lists, int32: [g + 1] first answer of each ranking, [g +
// 1] first pair of each, [2n] rewards of the better and the worse answer of each pair, pairs of one better answer one after the
// other. losses =, d_rewards =. With two answers the bits are pair_loss's: every term is written as there. Launch: grid (g),
// block 64.
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

struct RankingLossArgs {
    GlobalPtr<const float> rewards;
    GlobalPtr<const int32> lists;
    GlobalPtr<const float> margins;
    GlobalPtr<const float> weights;
    GlobalPtr<float> losses;
    GlobalPtr<float> d_rewards;
    int32 rankings;  // g
    int32 plackett_luce;
    float beta;
    float label_smoothing;
    float score_regularization;
    float margin_regularization;
    float normalizer;
};

namespace {

constexpr int kThreads = 128;
constexpr int kRankingThreads = 64;

RM_DEVICE double softplus(double x) {
    return fmax(x, 0.0) + log1p(exp(-fabs(x)));
}

RM_DEVICE double logistic(double x) {
    const double tail = exp(-fabs(x));
    return x >= 0.0 ? 1.0 / (1.0 + tail) : tail / (1.0 + tail);
}

// Pairs [first, end) of one better answer, whose reward is best: log(1 + sum e^-z) = largest + log1p(others).
struct Stage {
    int first;
    int end;
    double best;
    double largest;
    double others;
};

RM_DEVICE double advantage(const RankingLossArgs& args, double best, double other, double margin) {
    const double difference = best - other;
    return args.beta * difference - margin;
}

RM_DEVICE Stage stage_at(const RankingLossArgs& args, GlobalPtr<const int32> pairs, int first, int end, double margin) {
    Stage stage{first, first + 1, args.rewards[pairs[2 * first]], 0.0, 0.0};
    while (args.plackett_luce != 0 && stage.end < end && pairs[2 * stage.end] == pairs[2 * first]) stage.end++;
    int leader = -1;
    for (int pair = first; pair < stage.end; pair++) {
        const double x = -advantage(args, stage.best, args.rewards[pairs[2 * pair + 1]], margin);
        if (x > stage.largest) {
            stage.largest = x;
            leader = pair;
        }
    }
    if (leader >= 0) stage.others = exp(-stage.largest);
    for (int pair = first; pair < stage.end; pair++) {
        if (pair == leader) continue;
        stage.others += exp(-advantage(args, stage.best, args.rewards[pairs[2 * pair + 1]], margin) - stage.largest);
    }
    return stage;
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
    const double loss = fma(smoothing, softplus(z), (1.0 - smoothing) * softplus(-z)) +
                        score * (chosen * chosen + rejected * rejected) + spread * difference * difference;
    args.losses[pair] = static_cast<float>(factor * loss);
    if (args.d_rewards == nullptr) return;
    const double towards_chosen = beta * (smoothing * logistic(z) - (1.0 - smoothing) * logistic(-z)) + 2.0 * spread * difference;
    args.d_rewards[2 * pair] = static_cast<float>(factor * (towards_chosen + 2.0 * score * chosen));
    args.d_rewards[2 * pair + 1] = static_cast<float>(factor * (2.0 * score * rejected - towards_chosen));
}

extern "C" __global__ void __launch_bounds__(kRankingThreads) ranking_loss_forward_f32(RankingLossArgs args) {
    const int ranking = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
    const GlobalPtr<const int32> pair_starts = args.lists + (args.rankings + 1), pairs = pair_starts + (args.rankings + 1);
    const int begin = pair_starts[ranking], end = pair_starts[ranking + 1];
    const double share = 1.0 / (end - begin), beta = args.beta;
    const double choice = args.plackett_luce != 0 ? 1.0 : share;
    const double smoothing = choice * args.label_smoothing, rest = choice * (1.0 - args.label_smoothing);
    const double score = share * args.score_regularization, spread = share * args.margin_regularization;
    double margin = 0.0, factor = args.normalizer;
    if (args.margins != nullptr) margin = args.margins[ranking];
    if (args.weights != nullptr) factor *= args.weights[ranking];
    if (thread == 0) {
        double total = 0.0;
        for (int first = begin; first < end;) {
            const Stage stage = stage_at(args, pairs, first, end, margin);
            double loss = rest * (stage.largest + log1p(stage.others));
            for (int pair = first; pair < stage.end; pair++) {
                const double other = args.rewards[pairs[2 * pair + 1]], difference = stage.best - other;
                const double z = beta * difference - margin;
                loss = fma(smoothing, softplus(z), loss) + score * (stage.best * stage.best + other * other) +
                       spread * difference * difference;
            }
            total += loss;
            first = stage.end;
        }
        args.losses[ranking] = static_cast<float>(factor * total);
    }
    if (args.d_rewards == nullptr) return;
    for (int answer = args.lists[ranking] + thread; answer < args.lists[ranking + 1]; answer += kRankingThreads) {
        double gradient = -0.0;  // -0 + x is x for every x: a sum of one term has its bits
        for (int first = begin; first < end;) {
            const Stage stage = stage_at(args, pairs, first, end, margin);
            for (int pair = first; pair < stage.end; pair++) {
                const bool is_better = pairs[2 * pair] == answer;
                if (!is_better && pairs[2 * pair + 1] != answer) continue;
                const double other = args.rewards[pairs[2 * pair + 1]], difference = stage.best - other;
                const double z = beta * difference - margin;
                const double lost = exp(-z - stage.largest) / (1.0 + stage.others);
                const double slope = beta * (smoothing * logistic(z) - rest * lost) + 2.0 * spread * difference;
                gradient += is_better ? slope + 2.0 * score * stage.best : 2.0 * score * other - slope;
            }
            first = stage.end;
        }
        args.d_rewards[answer] = static_cast<float>(factor * gradient);
    }
}

RM_KERNEL(pair_loss_forward_f32, kThreads)
RM_KERNEL(ranking_loss_forward_f32, kRankingThreads)

RM_LAYOUT(PairLossArgs, RM_FIELD(PairLossArgs, rewards), RM_FIELD(PairLossArgs, margins), RM_FIELD(PairLossArgs, weights),
          RM_FIELD(PairLossArgs, losses), RM_FIELD(PairLossArgs, d_rewards), RM_FIELD(PairLossArgs, pairs),
          RM_FIELD(PairLossArgs, beta), RM_FIELD(PairLossArgs, label_smoothing), RM_FIELD(PairLossArgs, score_regularization),
          RM_FIELD(PairLossArgs, margin_regularization), RM_FIELD(PairLossArgs, normalizer))

RM_LAYOUT(RankingLossArgs, RM_FIELD(RankingLossArgs, rewards), RM_FIELD(RankingLossArgs, lists),
          RM_FIELD(RankingLossArgs, margins), RM_FIELD(RankingLossArgs, weights), RM_FIELD(RankingLossArgs, losses),
          RM_FIELD(RankingLossArgs, d_rewards), RM_FIELD(RankingLossArgs, rankings), RM_FIELD(RankingLossArgs, plackett_luce),
          RM_FIELD(RankingLossArgs, beta), RM_FIELD(RankingLossArgs, label_smoothing),
          RM_FIELD(RankingLossArgs, score_regularization), RM_FIELD(RankingLossArgs, margin_regularization),
          RM_FIELD(RankingLossArgs, normalizer))
