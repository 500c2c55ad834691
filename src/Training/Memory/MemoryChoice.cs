using System.Globalization;
using System.Text;
using Rm.Formats;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Memory;

/// <summary>Chooses the cheapest <see cref="Recompute"/> that fits into a device's memory, or says what would make the run fit.</summary>
/// <param name="planner">Makes the plans.</param>
/// <param name="free">Bytes that are free.</param>
/// <param name="training">Largest micro-batch of training.</param>
/// <param name="scoring">Largest micro-batch of evaluations, or null without.</param>
public sealed class MemoryChoice(MemoryPlanner planner, long free, MicroBatchExtent training, MicroBatchExtent? scoring = null)
{
    // In the order of what they cost.
    private static readonly Recompute[] Modes = [Recompute.None, Recompute.Selective, Recompute.Full];

    /// <summary>Bytes that are free.</summary>
    public long Free => free;

    /// <summary>The plan of the mode asked for, or of the first that fits.</summary>
    /// <param name="asked">A mode, or null to choose.</param>
    /// <exception cref="UserInputException">Nothing fits: the message says by how much, and what would.</exception>
    public MemoryPlan Choose(Recompute? asked)
    {
        MemoryPlan? plan = null;
        foreach (Recompute mode in asked is { } only ? [only] : Modes)
        {
            plan = planner.Plan(mode, training, scoring);
            if (plan.Fits(free))
            {
                return plan;
            }
        }

        throw new UserInputException(Refusal(plan!, asked));
    }

    private string Refusal(MemoryPlan plan, Recompute? asked)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"The run does not fit: with --recompute {plan.Recompute.Name()} it takes {Size(plan.Total)} of the {Size(free)} that are "
                + $"free, ");
        text.Append(CultureInfo.InvariantCulture,
            $"{Size(MemoryPlan.Reserve(free))} of which stay in reserve (weights {Size(plan.Weights)}, optimizer {Size(plan.Optimizer)}, ");
        text.Append(CultureInfo.InvariantCulture,
            $"activations {Size(plan.Activations.Peak)} for {training.Tokens} tokens, buffers {Size(plan.Buffers)}). What would make it "
                + $"fit:");
        List<string> advice = [.. Advice(asked)];
        if (advice.Count == 0)
        {
            advice.Add(
                "nothing that changes micro-batches: weights and optimizer leave too little. Take a smaller model, LoRA instead of full "
                + "fine-tuning, a smaller --lora-rank, or a device with more memory");
        }

        return text.Append("\n  ").AppendJoin("\n  ", advice).ToString();
    }

    private IEnumerable<string> Advice(Recompute? asked)
    {
        // A mode that was asked for, and not the cheapest on memory, is itself advice.
        foreach (Recompute mode in asked is { } given ? Modes.Where(m => m > given) : [])
        {
            if (planner.Plan(mode, training, scoring).Fits(free))
            {
                yield return $"--recompute {mode.Name()}";
                break;
            }
        }

        Recompute last = asked ?? Recompute.Full;
        if (LargestBudget(last) is { } budget)
        {
            yield return $"--micro-token-budget {budget}{(asked is null ? "" : $" with --recompute {last.Name()}")}";
        }

        if (last != Recompute.Full && LargestBudget(Recompute.Full) is { } fullBudget && fullBudget != training.Tokens)
        {
            yield return $"--micro-token-budget {fullBudget} with --recompute {Recompute.Full.Name()}";
        }

        if (LargestBudget(last) is null && LargestPair() is { } pair)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture,
                $"--max-seq-len {pair / 2} with --micro-token-budget {pair}{(last == Recompute.Full ? "" : " and --recompute full")}: "
                + $"the longest pair has {LongestPair} packed tokens, and {pair} fit");
        }
    }

    private int LongestPair => Math.Max(training.LongestPair, scoring?.LongestPair ?? 0);

    // Budgets below the longest pair make no micro-batch smaller.
    private int? LargestBudget(Recompute mode) => Largest(
        LongestPair, Math.Max(training.Tokens, scoring?.Tokens ?? 0), tokens =>
            Fits(mode, training.WithBudget(tokens), scoring?.WithBudget(tokens)));

    // One pair at a time, and that pair shorter.
    private int? LargestPair()
    {
        MicroBatchExtent Single(int tokens) => new(tokens, Pairs: 1, tokens, training.SharePrefix);
        return Largest(2, LongestPair, tokens => Fits(Recompute.Full, Single(tokens), scoring is null ? null : Single(tokens)));
    }

    private bool Fits(Recompute mode, MicroBatchExtent train, MicroBatchExtent? score) => planner.Plan(mode, train, score).Fits(free);

    // Most tokens from least to most that fit, in steps of 64 above 64; null when the least do not.
    private static int? Largest(int least, int most, Func<int, bool> fits)
    {
        if (!fits(least))
        {
            return null;
        }

        const int Step = 64;
        int low = 0, high = (most - least + Step - 1) / Step;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (fits(Math.Min(most, least + (middle * Step))))
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return Math.Min(most, least + (low * Step));
    }

    private static string Size(long bytes) => MemoryText.Size(bytes);
}
