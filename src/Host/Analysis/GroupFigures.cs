using Rm.Training.Evaluation;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>Accuracy of a part of the rows.</summary>
/// <param name="By">What the rows are grouped by: domain, subset, score_ratio or length_gap.</param>
/// <param name="Group">Value or range.</param>
/// <param name="Accuracy">Their accuracy.</param>
public sealed record GroupFigures(string By, string Group, AccuracyEstimate Accuracy)
{
    /// <summary>The groups that the rows' columns allow: by name, ranges in their order.</summary>
    public static IReadOnlyList<GroupFigures> Of(IReadOnlyList<EvalRow> rows) =>
    [
        .. Split("domain", rows, r => r.Domain is null ? null : (0, r.Domain)),
        .. Split("subset", rows, r => r.Subset is null ? null : (0, r.Subset)),
        .. Split(
            "score_ratio", rows, r => r.ScoreRatio is { } ratio && !double.IsNaN(ratio) ? GroupAccuracy.ScoreRatioBucket(ratio) : null),
        .. Split("length_gap", rows, r => GroupAccuracy.LengthGapBucket(r.LengthGap)),
    ];

    private static IEnumerable<GroupFigures> Split(string by, IReadOnlyList<EvalRow> rows, Func<EvalRow, (int Order, string Name)?> key) =>
        rows.Select(row => (Row: row, Key: key(row)))
            .Where(item => item.Key is not null)
            .GroupBy(item => item.Key!.Value)
            .OrderBy(group => group.Key.Order).ThenBy(group => group.Key.Name, StringComparer.Ordinal)
            .Select(group => new GroupFigures(by, group.Key.Name, AccuracyEstimate.Of([.. group.Select(item => item.Row)])));
}
