namespace Rm.Formats.Rows;

/// <summary>What became of the rows before they were read as pairs.</summary>
/// <param name="RowsSeen">Rows looked at: all, or as many as it took to reach the limit.</param>
/// <param name="BelowScoreRatio">Rows removed because their <c>score_ratio</c> is too low.</param>
/// <param name="BeyondPostLimit">Rows removed because their post had enough already.</param>
/// <param name="NotDrawn">Rows that a random sample left out.</param>
public sealed record SelectionReport(long RowsSeen, long BelowScoreRatio, long BeyondPostLimit, long NotDrawn)
{
    /// <summary>Rows removed for any reason.</summary>
    public long Removed => BelowScoreRatio + BeyondPostLimit + NotDrawn;
}
