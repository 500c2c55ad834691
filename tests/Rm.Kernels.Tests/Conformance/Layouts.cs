using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>Small packed micro-batches. A group is a prefix length followed by its tails' lengths.</summary>
internal static class Layouts
{
    public static SequenceLayout Of(params int[][] groups)
    {
        var builder = new SequenceLayoutBuilder();
        for (int g = 0; g < groups.Length; g++)
        {
            Add(builder, groups[g], (ulong)g);
        }

        return builder.Build();
    }

    /// <summary>Adds one group; its tokens and keys depend on <paramref name="key"/> alone.</summary>
    public static void Add(SequenceLayoutBuilder builder, int[] group, ulong key)
    {
        var random = new Random((int)key);
        int[] prefix = [.. Enumerable.Range(0, group[0]).Select(_ => random.Next(50))];
        int[][] sequences = [.. group.Skip(1).Select((length, i) => (int[])[.. prefix, .. Enumerable.Range(0, length).Select(_ => random.Next(50))])];
        builder.AddGroup(sequences, group[0], key);
    }

    /// <summary>Sequences of a group under separate prefixes: the same text without sharing.</summary>
    public static SequenceLayout WithoutSharing(int[] group, ulong key)
    {
        var random = new Random((int)key);
        int[] prefix = [.. Enumerable.Range(0, group[0]).Select(_ => random.Next(50))];
        var builder = new SequenceLayoutBuilder();
        foreach (int length in group.Skip(1))
        {
            builder.AddSequence([.. prefix, .. Enumerable.Range(0, length).Select(_ => random.Next(50))], key);
        }

        return builder.Build();
    }

    public static int[] AllRows(SequenceLayout layout) => [.. Enumerable.Range(0, layout.TokenCount)];
}
