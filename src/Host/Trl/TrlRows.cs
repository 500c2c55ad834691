using System.Globalization;
using System.Text.RegularExpressions;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.RandomNumbers;
using Rm.Formats.Rows;

namespace Rm.Host.Trl;

/// <summary>
/// The rows of a run's splits: one dataset, or a mixture, as <c>load_dataset</c> finds them. Throws <see cref="UserInputException"/>.
/// </summary>
internal static partial class TrlRows
{
    private static readonly string[] Formats = ["json", "csv", "parquet"];

    // Keeps the draws apart from others of the same seed.
    private const ulong TestSplitPurpose = 0x7465737473706C;

    /// <summary>Training rows, and evaluation rows where the run evaluates.</summary>
    public static (IRowSource Train, IRowSource? Eval) Open(TrlSettings settings)
    {
        bool evaluates = settings.Evaluation.Strategy != TrlStrategy.No;
        if (settings.Mixture.Count == 0)
        {
            string name = settings.Dataset!;
            return (One(name, settings.DatasetConfiguration, settings.TrainSplit), evaluates
                ? One(name, settings.DatasetConfiguration, settings.TestSplit) : null);
        }

        IRowSource mixture = Mixture(settings.Mixture);
        if (settings.TestSplitSize is not { } size)
        {
            return !evaluates
                ? (mixture, null)
                : throw new UserInputException("eval_strategy: the mixture has no test split. Give test_split_size, or eval_strategy: no.");
        }

        (HashSet<long> test, long rows) = Draw(mixture, size, settings.Seed);
        return (new RowRange(mixture, row => !test.Contains(row), rows), evaluates ? new RowRange(mixture, test.Contains, rows) : null);
    }

    // A file has all its rows in its only split.
    private static IRowSource One(string name, string? configuration, string split) => DatasetRows.Open(name, split, configuration);

    private static IRowSource Mixture(IReadOnlyList<TrlDataset> parts)
    {
        List<IRowSource> sources = [.. parts.Select(Part)];
        if (parts[0].Fraction is null)
        {
            return RowSource.Concatenate(sources);
        }

        double sum = parts.Sum(part => part.Fraction!.Value);
        if (sum <= 0)
        {
            throw new UserInputException("datasets: at least one fraction must be above 0.");
        }

        double[] weights = [.. parts.Select(part => part.Fraction!.Value / sum)];
        double total = sources.Zip(weights).Where(pair => pair.Second > 0).Min(pair => Count(pair.First) / pair.Second);
        return RowSource.Concatenate([.. sources.Zip(weights).Select(pair =>
            new RowRange(pair.First, _ => true, (long)Math.Round(pair.Second * total, MidpointRounding.ToEven)))]);
    }

    private static IRowSource Part(TrlDataset part)
    {
        IRowSource rows = RowSource.Concatenate([.. part.Split.Split('+').Select(split => Split(part, split.Trim()))]);
        return part.Columns is { } columns ? new SelectedColumns(rows, columns) : rows;
    }

    private static IRowSource Split(TrlDataset part, string split)
    {
        Match match = SplitPattern().Match(split);
        if (!match.Success)
        {
            throw new UserInputException(
                $"datasets: split '{split}' of {part.Path} is not understood. Write train, train[:100], train[10%:20%].");
        }

        IRowSource rows = part.Files.Count > 0 ? Files(part) : Formats.Contains(part.Path)
            ? throw new UserInputException($"datasets: path: {part.Path} needs data_files.")
            : One(part.Path, part.Name, match.Groups["name"].Value);
        if (!match.Groups["slice"].Success)
        {
            return rows;
        }

        long count = Count(rows);
        long first = Position(match.Groups["from"].Value, count, 0), end = Position(match.Groups["to"].Value, count, count);
        return new RowRange(rows, row => row >= first, Math.Max(first, end));
    }

    private static IRowSource Files(TrlDataset part)
    {
        string folder = Directory.Exists(part.Path) ? part.Path : Formats.Contains(part.Path)
            ? ""
            : throw new UserInputException($"datasets: data_files of {part.Path}: they are read from a folder, or with path: json, csv or "
                + $"parquet. Leave data_files away for a hub's dataset.");
        return RowSource.OpenFiles([.. part.Files.Select(file => Path.Combine(folder, file))]);
    }

    private static long Position(string text, long count, long usual)
    {
        if (text.Length == 0)
        {
            return usual;
        }

        bool isShare = text.EndsWith('%');
        double number = double.Parse(isShare ? text[..^1] : text, CultureInfo.InvariantCulture);
        long position = isShare ? (long)Math.Round(number * count / 100) : (long)number;
        return Math.Clamp(position < 0 ? position + count : position, 0, count);
    }

    private static long Count(IRowSource rows) => rows.Read(PairColumns.Choose).LongCount();

    // The rows with the smallest keys; scikit-learn's rounding, which datasets has.
    private static (HashSet<long> Test, long Rows) Draw(IRowSource rows, double size, ulong seed)
    {
        long count = Count(rows);
        long test = size < 1 ? (long)Math.Ceiling(size * count) : (long)size;
        if (test <= 0 || test >= count || (size >= 1 && size != Math.Floor(size)))
        {
            throw new UserInputException(
                $"test_split_size: must be a share between 0 and 1 or a number of rows, and leave some of the {count} rows to train on.");
        }

        IEnumerable<long> drawn = Enumerable.Range(0, checked((int)count)).Select(row => (long)row)
            .OrderBy(row => SplitMix64.For(seed ^ TestSplitPurpose, (ulong)row).Next()).Take((int)test);
        return ([.. drawn], count);
    }

    [GeneratedRegex(@"^(?<name>[^\[\]]+)(?<slice>\[(?<from>-?\d+%?)?:(?<to>-?\d+%?)?\])?$")]
    private static partial Regex SplitPattern();
}
