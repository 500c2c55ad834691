using Rm.Kernels.Ops;

namespace Rm.Kernels.Checks;

/// <summary>
/// Shapes at the edges of warps, packets and tiles, of which the conformance tests run all and <c>btrm doctor --kernels</c> some.
/// </summary>
internal static class OddShapes
{
    /// <summary>Rows and columns of norms.</summary>
    public static readonly (int Rows, int Columns)[] Norms = [(1, 8), (4, 13), (3, 24), (7, 96), (5, 200), (67, 576), (2, 2048)];

    /// <summary>Rows, heads and head sizes of the norms of heads.</summary>
    public static readonly (int Rows, int Heads, int HeadDim)[] HeadNorms = [(1, 1, 16), (5, 3, 24), (19, 9, 64), (4, 2, 128)];

    /// <summary>Rows, outputs and inputs of linear layers.</summary>
    public static readonly (int Rows, int Outputs, int Inputs)[] LinearTiles =
    [
        (1, 8, 8), (5, 24, 40), (16, 8, 16), (127, 136, 32), (128, 128, 128), (129, 120, 72), (130, 264, 200), (257, 40, 96), (2, 1000, 24),
    ];

    /// <summary>
    /// Groups of [prefix, tail, tail, ...]: one token, empty prefixes, one-token tails, many tails, lengths around blocks of 64 and 128.
    /// </summary>
    public static readonly (string Name, int[][] Groups)[] Layouts =
    [
        ("one token", [[0, 1]]),
        ("one pair", [[5, 3, 4]]),
        ("one-token tails", [[31, 1, 1], [1, 1, 1]]),
        ("no sharing", [[0, 7], [0, 33], [0, 1]]),
        ("many tails", [[17, 3, 1, 19, 8, 5]]),
        ("blocks", [[64, 65, 63], [129, 1, 70]]),
        ("mixed", [[97, 41, 3], [0, 130], [3, 67, 66]]),
    ];

    /// <summary>Ids of the tokens that <see cref="Layout"/> draws: below this.</summary>
    public const int Vocabulary = 50;

    /// <summary>A packed micro-batch of groups; a group is a prefix length followed by its tails' lengths.</summary>
    public static SequenceLayout Layout(IReadOnlyList<int[]> groups)
    {
        var builder = new SequenceLayoutBuilder();
        for (int g = 0; g < groups.Count; g++)
        {
            AddGroup(builder, groups[g], (ulong)g);
        }

        return builder.Build();
    }

    /// <summary>Adds one group; its tokens and keys depend on <paramref name="key"/> alone.</summary>
    public static void AddGroup(SequenceLayoutBuilder builder, int[] group, ulong key)
    {
        var random = new Random((int)key);
        int[] prefix = Draw(group[0]);
        builder.AddGroup([.. group.Skip(1).Select(length => (int[])[.. prefix, .. Draw(length)])], group[0], key);

        int[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(Vocabulary))];
    }
}
