using Rm.Formats.RandomNumbers;

namespace Rm.Formats.Rows;

/// <summary>
/// Streams the selected rows in file order and counts those it leaves out. A random sample is drawn in a first pass that reads the filters'
/// columns only; the second one reads the drawn rows.
/// </summary>
internal sealed class RowSelector(RowSelection selection, RowColumns? columns = null)
{
    // A pass over a file of columns must read one of them to be sure of the file's rows; these are short.
    private static readonly string[] CheapColumns = ["labels", "score_ratio", "label", "domain", "subset", "post_id"];

    // Keeps the draws apart from the shuffles that the same seed decides.
    private const ulong SamplePurpose = 0x73616D706C65;

    private readonly Dictionary<string, long> _posts = new(StringComparer.Ordinal);
    private long _seen;
    private long _belowScoreRatio;
    private long _beyondPostLimit;
    private long _notDrawn;

    /// <summary>Columns of files of columns that were not read at all.</summary>
    public SortedSet<string> Skipped { get; } = new(StringComparer.Ordinal);

    /// <summary>What was left out so far.</summary>
    public SelectionReport Report => new(_seen, _belowScoreRatio, _beyondPostLimit, _notDrawn);

    /// <summary>
    /// The selected rows. Throws <see cref="UserInputException"/> naming the row when a filter's column is missing or no number.
    /// </summary>
    public IEnumerable<SelectedRow> Select(IRowSource source) =>
        selection is { Sample: SampleMode.Random, Limit: { } limit } ? Sample(source, limit) : First(source);

    private IEnumerable<SelectedRow> First(IRowSource source)
    {
        long left = selection.Limit ?? long.MaxValue;
        if (left <= 0)
        {
            yield break;
        }

        long index = 0;
        foreach (DataRow row in source.Read(Choose))
        {
            long position = index++;
            if (!Passes(row))
            {
                continue;
            }

            yield return new SelectedRow(position, row);
            if (--left == 0)
            {
                // Asking the source for one more row would read on, and a bad row beyond the limit must not matter.
                yield break;
            }
        }
    }

    private IEnumerable<SelectedRow> Sample(IRowSource source, long limit)
    {
        List<long> drawn = Draw(source, limit, out List<long> partStarts);
        int next = 0;
        for (int part = 0; part < source.Parts.Count; part++)
        {
            long start = partStarts[part];
            long end = partStarts[part + 1];
            int first = next;
            while (next < drawn.Count && drawn[next] < end)
            {
                next++;
            }

            if (next == first)
            {
                continue;
            }

            int at = first;
            foreach (DataRow row in source.Parts[part].ReadAt([.. drawn[first..next].Select(index => index - start)], Choose))
            {
                yield return new SelectedRow(drawn[at++], row);
            }

            if (at != next)
            {
                throw new UserInputException(
                    $"{source.Parts[part].Files[0]}: has fewer rows than a moment ago; it must not change while it is read.");
            }
        }
    }

    // The rows with the smallest keys, a key being a random number that belongs to seed and position: the sample depends on no order of
    // execution, and a larger limit adds rows to a smaller one's.
    private List<long> Draw(IRowSource source, long limit, out List<long> partStarts)
    {
        var chosen = new PriorityQueue<long, (ulong Key, long Index)>(Comparer<(ulong, long)>.Create((a, b) => b.CompareTo(a)));
        partStarts = [0];
        long index = 0;
        foreach (IRowSource part in source.Parts)
        {
            foreach (DataRow row in part.Read(FilterColumns))
            {
                long position = index++;
                if (!Passes(row))
                {
                    continue;
                }

                ulong key = SplitMix64.For(selection.Seed ^ SamplePurpose, (ulong)position).Next();
                if (chosen.Count < limit)
                {
                    chosen.Enqueue(position, (key, position));
                }
                else
                {
                    _notDrawn++;
                    chosen.EnqueueDequeue(position, (key, position));
                }
            }

            partStarts.Add(index);
        }

        List<long> drawn = [.. chosen.UnorderedItems.Select(item => item.Element)];
        drawn.Sort();
        return drawn;
    }

    private IReadOnlyCollection<string> Choose(IReadOnlyList<string> names)
    {
        IReadOnlyCollection<string> chosen = PairColumns.Choose(names, columns ?? RowColumns.None);
        Skipped.UnionWith(names.Except(chosen));
        return chosen;
    }

    private IReadOnlyCollection<string> FilterColumns(IReadOnlyList<string> columns)
    {
        string[] wanted = [.. selection.FilterColumns.Where(columns.Contains)];
        return wanted.Length > 0 || columns.Count == 0 ? wanted : [CheapColumns.FirstOrDefault(columns.Contains) ?? columns[0]];
    }

    private bool Passes(DataRow row)
    {
        _seen++;
        if (selection.MinScoreRatio is { } least)
        {
            double ratio = row.GetOptionalNumber("score_ratio")
                ?? throw row.Error("score_ratio", "is missing or null, and --min-score-ratio needs it.");
            if (ratio < least)
            {
                _belowScoreRatio++;
                return false;
            }
        }

        if (selection.MaxPairsPerPost is { } most)
        {
            string post = row.GetOptionalText("post_id")
                ?? throw row.Error("post_id", "is missing or null, and --max-pairs-per-post needs it.");
            long pairs = _posts.GetValueOrDefault(post);
            if (pairs >= most)
            {
                _beyondPostLimit++;
                return false;
            }

            _posts[post] = pairs + 1;
        }

        return true;
    }
}
