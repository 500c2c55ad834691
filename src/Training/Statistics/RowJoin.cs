
namespace Rm.Training.Statistics;

/// <summary>
/// The same pairs in two evaluations, joined by <see cref="EvalRow.Pair"/>. A pair that occurs several times is joined occurrence by
/// occurrence, as often as it occurs in both.
/// </summary>
/// <param name="First">Rows of the first evaluation.</param>
/// <param name="Second">Rows of the second, position by position the same pairs.</param>
/// <param name="ClustersDiffer">
/// Whether the evaluations put a shared pair into clusters of different names; those of the second count.
/// </param>
internal sealed record RowJoin(IReadOnlyList<EvalRow> First, IReadOnlyList<EvalRow> Second, bool ClustersDiffer)
{
    /// <summary>Joins two evaluations; the order of their rows does not matter.</summary>
    public static RowJoin Of(IReadOnlyList<EvalRow> first, IReadOnlyList<EvalRow> second)
    {
        var waiting = RowOrder.Canonical(first)
            .GroupBy(r => r.Pair, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => new Queue<EvalRow>(group), StringComparer.Ordinal);
        (List<EvalRow>? a, List<EvalRow>? b) = (new List<EvalRow>(), new List<EvalRow>());
        foreach (EvalRow row in RowOrder.Canonical(second))
        {
            if (waiting.TryGetValue(row.Pair, out Queue<EvalRow>? queue) && queue.TryDequeue(out EvalRow? match))
            {
                a.Add(match);
                b.Add(row);
            }
        }

        return new RowJoin(a, b, a.Zip(b).Any(pair => pair.First.Cluster != pair.Second.Cluster));
    }
}
