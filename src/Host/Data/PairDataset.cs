using System.Runtime.ExceptionServices;

namespace Rm.Host.Data;

/// <summary>The pairs of one split in file order, with the report on how they came about.</summary>
public sealed class PairDataset
{
    // Rows are tokenised in parallel a chunk at a time; the chunk bounds what is held besides the token ids.
    private const int ChunkRows = 512;
    private const long ChunkBytes = 32 << 20;

    private PairDataset(IReadOnlyList<PreferencePair> pairs, SplitReport report, DatasetFingerprint fingerprint)
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
    public static PairDataset Load(IRowSource source, PairTokenizer tokenizer, long? limit = null, CancellationToken cancellation = default)
    {
        var pairs = new List<PreferencePair>();
        var report = new SplitReportBuilder();
        long next = 0;
        foreach (List<DataRow> chunk in Chunks(source, limit))
        {
            long first = next;
            foreach (TokenizedRow row in TokenizeAll(chunk, first, tokenizer, cancellation))
            {
                report.Add(row);
                if (row.Pair is { } pair)
                {
                    pairs.Add(pair);
                }
            }
            next += chunk.Count;
        }
        if (next == 0)
        {
            throw new UserInputException($"{string.Join(", ", source.Files)}: there is no row to read.");
        }
        return new PairDataset(pairs, report.Build(source.Files, tokenizer.Encoder), DatasetFingerprint.Of(source.Files, next, pairs));
    }

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

    private static IEnumerable<List<DataRow>> Chunks(IRowSource source, long? limit)
    {
        var chunk = new List<DataRow>();
        long bytes = 0;
        long left = limit ?? long.MaxValue;
        if (left <= 0)
        {
            yield break;
        }
        foreach (DataRow row in source.Read(PairColumns.Choose))
        {
            chunk.Add(row);
            bytes += row.ByteLength;
            left--;
            if (chunk.Count == ChunkRows || bytes >= ChunkBytes || left == 0)
            {
                yield return chunk;
                chunk = [];
                bytes = 0;
                if (left == 0)
                {
                    // Asking the source for one more row would read on, and a bad row beyond the limit must not matter.
                    yield break;
                }
            }
        }
        if (chunk.Count > 0)
        {
            yield return chunk;
        }
    }

    private static TokenizedRow[] TokenizeAll(List<DataRow> rows, long first, PairTokenizer tokenizer, CancellationToken cancellation)
    {
        var results = new TokenizedRow[rows.Count];
        var errors = new Exception?[rows.Count];
        Parallel.For(0, rows.Count, new ParallelOptions { CancellationToken = cancellation }, i =>
        {
            try
            {
                results[i] = tokenizer.Tokenize(PairRowParser.Parse(rows[i]), first + i);
            }
            catch (Exception e)
            {
                // Kept, so that the first in file order is thrown as it is and not the first in time inside an AggregateException.
                errors[i] = e;
            }
        });
        if (Array.Find(errors, error => error is not null) is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }
        return results;
    }
}
