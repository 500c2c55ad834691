
namespace Rm.Training.Statistics;

/// <summary>An order of rows that does not depend on the order in the file: sums come out the same to the bit.</summary>
internal static class RowOrder
{
    /// <summary>By position in the data; rows that share one by what they hold.</summary>
    public static IReadOnlyList<EvalRow> Canonical(IEnumerable<EvalRow> rows) =>
    [
        .. rows.OrderBy(r => r.Row).ThenBy(r => r.Pair, StringComparer.Ordinal).ThenBy(r => r.Cluster, StringComparer.Ordinal)
            .ThenBy(r => r.ChosenReward).ThenBy(r => r.RejectedReward),
    ];
}
