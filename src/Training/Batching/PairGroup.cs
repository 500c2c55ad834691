using Rm.Formats.Rendering;
using Rm.Kernels.Ops;

namespace Rm.Training.Batching;

/// <summary>
/// Pairs that are computed together: one pair, or the pairs of one ranking, whose K answers are K sequences however many pairs they make.
/// </summary>
public sealed class PairGroup
{
    private PairGroup(
        IReadOnlyList<PreferencePair> pairs, IReadOnlyList<int[]> answers, IReadOnlyList<(int Chosen, int Rejected)> sides,
        int prefixLength)
    {
        Pairs = pairs;
        Answers = answers;
        Sides = sides;
        PrefixLength = prefixLength;
    }

    /// <summary>The pairs, at least one, in the order of the row.</summary>
    public IReadOnlyList<PreferencePair> Pairs { get; }

    /// <summary>Token ids of each answer, as the pairs name them first.</summary>
    public IReadOnlyList<int[]> Answers { get; }

    /// <summary>Which answers each pair compares.</summary>
    public IReadOnlyList<(int Chosen, int Rejected)> Sides { get; }

    /// <summary>Tokens that all answers begin with, fewer than the shortest has.</summary>
    public int PrefixLength { get; }

    /// <summary>Tokens of all answers, each counted once and whole, with those that come after the reward.</summary>
    public long Tokens => Answers.Sum(answer => (long)answer.Length) + Pairs.Sum(pair => (long)pair.UnreadTokens);

    /// <summary>Every pair by itself.</summary>
    public static IReadOnlyList<PairGroup> Each(IReadOnlyList<PreferencePair> pairs) => [.. pairs.Select(pair => Of([pair]))];

    /// <summary>Pairs of one row together; they follow each other.</summary>
    public static IReadOnlyList<PairGroup> ByRow(IReadOnlyList<PreferencePair> pairs)
    {
        var groups = new List<PairGroup>();
        for (int first = 0, next; first < pairs.Count; first = next)
        {
            next = first + 1;
            while (next < pairs.Count && pairs[next].RowIndex == pairs[first].RowIndex)
            {
                next++;
            }

            groups.Add(Of([.. pairs.Skip(first).Take(next - first)]));
        }

        return groups;
    }

    /// <summary>The pairs as one group; an answer is known again by its array.</summary>
    private static PairGroup Of(IReadOnlyList<PreferencePair> pairs)
    {
        if (pairs.Count == 1)
        {
            return new PairGroup(pairs, [pairs[0].Chosen, pairs[0].Rejected], [(0, 1)], pairs[0].PrefixLength);
        }

        var answers = new List<int[]>();
        var numbers = new Dictionary<int[], int>(ReferenceEqualityComparer.Instance);
        (int, int)[] sides = [.. pairs.Select(pair => (Number(pair.Chosen), Number(pair.Rejected)))];
        int prefix = answers.Min(answer => SequenceLayoutBuilder.CommonPrefixLength(answers[0], answer));
        return new PairGroup(pairs, answers, sides, prefix);

        int Number(int[] answer)
        {
            if (numbers.TryAdd(answer, answers.Count))
            {
                answers.Add(answer);
            }

            return numbers[answer];
        }
    }

    /// <summary>The group with another part of the prefix shared.</summary>
    public PairGroup WithPrefix(int length) => new(Pairs, Answers, Sides, length);

    /// <summary>Tokens that the group takes in a packed micro-batch: the prefix once when it is shared.</summary>
    public int PackedTokens(bool sharePrefix) =>
        Answers.Sum(answer => answer.Length) - (sharePrefix ? PrefixLength * (Answers.Count - 1) : 0);
}
