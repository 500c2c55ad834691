using Rm.Kernels.Checks;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>Small packed micro-batches. A group is a prefix length followed by its tails' lengths.</summary>
internal static class Layouts
{
    public static SequenceLayout Of(params int[][] groups) => OddShapes.Layout(groups);

    /// <summary>Adds one group; its tokens and keys depend on <paramref name="key"/> alone.</summary>
    public static void Add(SequenceLayoutBuilder builder, int[] group, ulong key) => OddShapes.AddGroup(builder, group, key);

    /// <summary>Sequences of a group under separate prefixes: the same text without sharing.</summary>
    public static SequenceLayout WithoutSharing(int[] group, ulong key)
    {
        var random = new Random((int)key);
        int[] prefix = [.. Enumerable.Range(0, group[0]).Select(_ => random.Next(OddShapes.Vocabulary))];
        var builder = new SequenceLayoutBuilder();
        foreach (int length in group.Skip(1))
        {
            builder.AddSequence([.. prefix, .. Enumerable.Range(0, length).Select(_ => random.Next(OddShapes.Vocabulary))], key);
        }

        return builder.Build();
    }

    public static int[] AllRows(SequenceLayout layout) => [.. Enumerable.Range(0, layout.TokenCount)];
}
