using System.Runtime.ExceptionServices;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Formats.Datasets;

/// <summary>How the rows of a split become its pairs.</summary>
/// <param name="Selection">Which rows.</param>
/// <param name="Diagnostic">How they are transformed, or null.</param>
/// <param name="CutAlike">Where prompts are cut, cut those of all pairs of a row alike, so that they stay one ranking.</param>
public sealed record LoadOptions(RowSelection Selection, DiagnosticOptions? Diagnostic = null, bool CutAlike = false);

/// <summary>Selects, transforms and tokenises the rows of a split. The result does not depend on the number of threads.</summary>
internal sealed class PairLoader(IRowSource source, IPairTokenizer tokenizer, LoadOptions options, CancellationToken cancellation)
{
    // Rows are tokenised in parallel a chunk at a time; the chunk bounds what is held besides the token ids.
    private const int ChunkRows = 512;
    private const long ChunkBytes = 32 << 20;

    private readonly List<PreferencePair> _pairs = [];
    private readonly SplitReportBuilder _report = new();
    private long _read;
    private long _tellingApart;
    private long _removed;

    public PairDataset Load()
    {
        var selector = new RowSelector(options.Selection, tokenizer.Columns);
        DiagnosticTransform? transform = options.Diagnostic is { } diagnostic
            ? new DiagnosticTransform(diagnostic, tokenizer.Encoder)
            : null;
        if (transform is null)
        {
            foreach (List<SelectedRow> chunk in Chunks(selector.Select(source)))
            {
                IReadOnlyList<TokenizedRow>[] rows = InParallel(
                    chunk.Count, i => tokenizer.TokenizeAll(Parse(chunk[i]), chunk[i].Index, options.CutAlike));
                Take(rows.SelectMany(row => row));
            }
        }
        else
        {
            TakeTransformed(selector.Select(source), transform);
        }

        SelectionReport selection = selector.Report;
        if (_read == 0)
        {
            throw new UserInputException(selection.Removed == 0
                ? $"{string.Join(", ", source.Files)}: there is no row to read."
                : $"{string.Join(", ", source.Files)}: the filters leave no row: of {selection.RowsSeen}, {selection.BelowScoreRatio} are "
                    + $"below "
                    + $"--min-score-ratio and {selection.BeyondPostLimit} beyond --max-pairs-per-post.");
        }

        _report.AddUnread(selector.Skipped.Where(column => tokenizer.Columns.Ignored?.Contains(column) != true));
        DiagnosticReport? changes = transform is null
            ? null
            : new DiagnosticReport(options.Diagnostic!.Mode, _read, transform.Changed, _removed, _tellingApart);
        return new PairDataset(
            _pairs, _report.Build(source.Files, tokenizer.Encoder, selection, changes), DatasetFingerprint.Of(source.Files, _read, _pairs));
    }

    // A transformation looks at all rows at once, so their texts are held until they are tokenised.
    private void TakeTransformed(IEnumerable<SelectedRow> selected, DiagnosticTransform transform)
    {
        var rows = new List<PairRow>();
        var positions = new List<long>();
        foreach (List<SelectedRow> chunk in Chunks(selected))
        {
            IReadOnlyList<PairRow>[] parsed = InParallel(chunk.Count, i => Parse(chunk[i]));
            rows.AddRange(parsed.SelectMany(pairs => pairs));
            positions.AddRange(chunk.Zip(parsed).SelectMany(row => row.Second.Select(_ => row.First.Index)));
        }

        PairRow[] transformed = [.. rows];
        transform.Apply(transformed, positions);
        bool keepIdentical = options.Diagnostic!.Mode == DiagnosticMode.PromptOnly;
        for (int first = 0; first < transformed.Length; first += ChunkRows)
        {
            int start = first;
            TokenizedRow[] chunk = InParallel(
                Math.Min(ChunkRows, transformed.Length - first), i =>
                    tokenizer.Tokenize(transformed[start + i], positions[start + i], keepIdentical));
            Take(chunk.Select(Check));
        }
    }

    private IReadOnlyList<PairRow> Parse(SelectedRow row) => PairRowParser.ParseAll(row.Row, tokenizer.Columns);

    private TokenizedRow Check(TokenizedRow row)
    {
        if (row.Pair is not { } pair)
        {
            return row;
        }

        switch (options.Diagnostic!.Mode)
        {
            case DiagnosticMode.PromptOnly:
                _tellingApart += pair.Chosen.AsSpan().SequenceEqual(pair.Rejected) ? 0 : 1;
                return row;
            case DiagnosticMode.LengthMatched when Math.Abs(
                pair.Chosen.Length - pair.Rejected.Length) >= options.Diagnostic.LengthThreshold:
                _removed++;
                return row with { Pair = null, Dropped = DropReason.LengthsDiffer, ChosenTruncated = false, RejectedTruncated = false };
            default:
                return row;
        }
    }

    private void Take(IEnumerable<TokenizedRow> rows)
    {
        foreach (TokenizedRow row in rows)
        {
            _read++;
            _report.Add(row);
            if (row.Pair is { } pair)
            {
                _pairs.Add(pair);
            }
        }
    }

    private static IEnumerable<List<SelectedRow>> Chunks(IEnumerable<SelectedRow> rows)
    {
        var chunk = new List<SelectedRow>();
        long bytes = 0;
        foreach (SelectedRow row in rows)
        {
            chunk.Add(row);
            bytes += row.Row.ByteLength;
            if (chunk.Count == ChunkRows || bytes >= ChunkBytes)
            {
                yield return chunk;
                chunk = [];
                bytes = 0;
            }
        }

        if (chunk.Count > 0)
        {
            yield return chunk;
        }
    }

    private T[] InParallel<T>(int count, Func<int, T> work)
    {
        var results = new T[count];
        var errors = new Exception?[count];
        Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellation }, i =>
        {
            try
            {
                results[i] = work(i);
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
