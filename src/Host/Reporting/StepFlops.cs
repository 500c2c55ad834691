using Rm.Formats.Rendering;
using Rm.Training.Model;

namespace Rm.Host.Reporting;

/// <summary>
/// Floating-point operations that a training step needs with all savings of the model made: what a shared prefix and the pruned last layer
/// leave. Linear layers: 2 per weight and token forward, 2 for the gradient of the input (none below the first layer), 2 for that of the
/// weight where it is trained; of a mixture, the router and the experts that a token goes through. Attention: 4 per head element and
/// visible pair of tokens forward, 10 backward. Gated delta nets, among attention: 6 per element of the state and token forward, 15
/// backward. Low-rank products, norms and whatever is computed twice (<c>--recompute</c>) are left out.
/// </summary>
/// <param name="Linear">Of the linear layers.</param>
/// <param name="Attention">Of what mixes tokens.</param>
internal readonly record struct StepFlops(double Linear, double Attention)
{
    /// <summary>Of a step on <paramref name="pairs"/>.</summary>
    public static StepFlops Of(ModelConfig config, IReadOnlyList<PreferencePair> pairs, bool sharePrefix, bool trainsEverything)
    {
        double tokens = pairs.Sum(p => (double)p.PackedTokens(sharePrefix)), rewards = 2.0 * pairs.Count, linear = 0;
        double visible = pairs.Sum(p => Visible(p, sharePrefix)),
            visibleRewards = pairs.Sum(static p => (double)p.Chosen.Length + p.Rejected.Length);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            foreach (LinearModule module in config.ModulesOf(layer))
            {
                (int outputs, int inputs) = config.Sizes(module);
                bool isDeltaInput = module is LinearModule.DeltaQkv or LinearModule.DeltaZ or LinearModule.DeltaB or LinearModule.DeltaA;
                bool readsInput = isDeltaInput || module is LinearModule.Q or LinearModule.K or LinearModule.V or LinearModule.Qkv;
                bool isPruned = layer == config.Layers - 1
                    && !isDeltaInput && module is not (LinearModule.K or LinearModule.V or LinearModule.Qkv);
                double perWeight = trainsEverything ? 6 : layer == 0 && readsInput ? 2 : 4;
                linear += perWeight * outputs * inputs * (isPruned ? rewards : tokens);
            }

            if (config.Experts is { } experts && config.IsMixtureLayer(layer))
            {
                double perToken = (double)config.HiddenSize * (experts.Count + (3.0 * experts.Chosen * experts.Width));
                linear += (trainsEverything ? 6 : 4) * perToken * (layer == config.Layers - 1 ? rewards : tokens);
            }
        }

        int delta = Enumerable.Range(0, config.Layers).Count(config.IsDeltaLayer);
        bool lastAttends = !config.IsDeltaLayer(config.Layers - 1);
        double perPair = 14.0 * config.Heads * config.HeadDim, perDelta = config.DeltaNet is { Rule: var rule }
            ? 21.0 * rule.StateColumns
            : 0;
        double pairsSeen = ((config.Layers - delta - (lastAttends ? 1 : 0)) * visible) + (lastAttends ? visibleRewards : 0);
        return new StepFlops(linear, (perPair * pairsSeen) + (perDelta * delta * tokens));
    }

    // Query and key pairs under a causal mask, the prefix once when it is shared.
    private static double Visible(PreferencePair pair, bool sharePrefix)
    {
        double prefix = sharePrefix
            ? pair.PrefixLength
            : 0, chosen = Triangle(pair.Chosen.Length), rejected = Triangle(pair.Rejected.Length);
        return chosen + rejected - Triangle(prefix);
    }

    private static double Triangle(double n) => n * (n + 1) / 2;
}
