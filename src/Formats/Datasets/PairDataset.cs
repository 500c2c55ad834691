using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Formats.Datasets;

/// <summary>The pairs of one split in file order, with the report on how they came about.</summary>
public sealed class PairDataset
{
    internal PairDataset(IReadOnlyList<PreferencePair> pairs, SplitReport report, DatasetFingerprint fingerprint)
    {
        Pairs = pairs;
        Report = report;
        Fingerprint = fingerprint;
    }

    /// <summary>Kept pairs in file order.</summary>
    public IReadOnlyList<PreferencePair> Pairs { get; }

    /// <summary>What became of the rows.</summary>
    public SplitReport Report { get; }

    /// <summary>Identifies files and pairs.</summary>
    public DatasetFingerprint Fingerprint { get; }

    /// <summary>
    /// Reads at most <paramref name="limit"/> rows (null: all) and tokenises them in parallel; the result does not depend on the number of
    /// threads. Throws <see cref="UserInputException"/> on the first bad row in file order, and when there is no row at all.
    /// </summary>
    public static PairDataset Load(
        IRowSource source, IPairTokenizer tokenizer, long? limit = null, CancellationToken cancellation = default) =>
        LoadSelected(source, tokenizer, new LoadOptions(new RowSelection(limit)), cancellation);

    /// <summary>The same for selected and, for a diagnostic, transformed rows.</summary>
    public static PairDataset LoadSelected(
        IRowSource source, IPairTokenizer tokenizer, LoadOptions options, CancellationToken cancellation = default) =>
        new PairLoader(source, tokenizer, options, cancellation).Load();

    /// <summary>
    /// Throws <see cref="UserInputException"/> saying why rows were dropped when no pair is left; <paramref name="purpose"/> says for what.
    /// </summary>
    public void RequirePairs(string purpose)
    {
        if (Pairs.Count == 0)
        {
            string why = string.Join(", ", Report.Dropped.Select(entry => $"{entry.Value} {DataReportText.Describe(entry.Key)}"));
            throw new UserInputException(
                $"{string.Join(", ", Report.Files)}: no pair is left for {purpose}; "
                + $"of {Report.PairsRead} rows read were dropped: {why}. Check --max-seq-len and --truncation.");
        }
    }
}
