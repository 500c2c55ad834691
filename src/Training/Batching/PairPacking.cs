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
    public static SequenceLayout Pack(IReadOnlyList<PreferencePair> pairs, bool sharePrefix)
    {
        var builder = new SequenceLayoutBuilder();
        foreach (PreferencePair pair in pairs)
        {
            builder.AddGroup([pair.Chosen, pair.Rejected], sharePrefix ? pair.PrefixLength : 0, (ulong)pair.RowIndex);
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
}
