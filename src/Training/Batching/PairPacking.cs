using Rm.Formats.Rendering;
using Rm.Kernels.Ops;
using Rm.Training.Model;

namespace Rm.Training.Batching;

/// <summary>Turns pairs into a packed micro-batch and its targets.</summary>
public static class PairPacking
{
    /// <summary>
    /// Chosen and rejected of each pair in turn; with <paramref name="sharePrefix"/> what they begin with is stored once.
    /// </summary>
    public static SequenceLayout Pack(IReadOnlyList<PreferencePair> pairs, bool sharePrefix) => Pack(PairGroup.Each(pairs), sharePrefix);

    /// <summary>The answers of each group in turn; with <paramref name="sharePrefix"/> what they begin with is stored once.</summary>
    public static SequenceLayout Pack(IReadOnlyList<PairGroup> groups, bool sharePrefix)
    {
        var builder = new SequenceLayoutBuilder();
        foreach (PairGroup group in groups)
        {
            builder.AddGroup(group.Answers, sharePrefix ? group.PrefixLength : 0, (ulong)group.Pairs[0].RowIndex);
        }

        return builder.Build();
    }

    /// <summary>Margins and weights, each null when no pair has one.</summary>
    /// <param name="pairs">The pairs.</param>
    /// <param name="weights">Factors on the pairs' own weights, at least as many as pairs; empty for ones.</param>
    public static PairTargets Targets(IReadOnlyList<PreferencePair> pairs, ReadOnlySpan<float> weights = default)
    {
        float[] own = [.. pairs.Select(p => p.Weight)];
        for (int i = 0; i < own.Length && !weights.IsEmpty; i++)
        {
            own[i] *= weights[i];
        }

        return new PairTargets(pairs.Any(p => p.Margin != 0) ? [.. pairs.Select(p => p.Margin)] : null, own.Any(w => w != 1) ? own : null);
    }

    /// <summary>The same of rankings, whose pairs have their row's margin and weight, and which of their answers are compared.</summary>
    public static PairTargets RankingTargets(IReadOnlyList<PairGroup> rankings, RankingLossKind kind) =>
        Targets([.. rankings.Select(ranking => ranking.Pairs[0])]) with { Rankings = Layout(rankings), Kind = kind };

    private static RankingLayout Layout(IReadOnlyList<PairGroup> rankings)
    {
        List<int> answers = [0], starts = [0], pairs = [];
        foreach (PairGroup ranking in rankings)
        {
            foreach ((int chosen, int rejected) in ranking.Sides)
            {
                pairs.AddRange([answers[^1] + chosen, answers[^1] + rejected]);
            }

            answers.Add(answers[^1] + ranking.Answers.Count);
            starts.Add(pairs.Count / 2);
        }

        return new RankingLayout([.. answers], [.. starts], [.. pairs]);
    }
}
