using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Training.Suites;

namespace Rm.Host.Options;

/// <summary>Which rows are trained and evaluated on.</summary>
internal sealed class DatasetOptions : OptionGroup
{
    private readonly Option<string?>? _trainFile;
    private readonly Option<string?> _evalFile;
    private readonly Option<string?> _dataset;
    private readonly Option<string?> _config;
    private readonly Option<string>? _split;
    private readonly Option<string?> _evalSplit;
    private readonly Option<long?>? _limit;
    private readonly Option<long?> _evalLimit;

    /// <param name="withTraining">Whether the command reads training rows too.</param>
    public DatasetOptions(bool withTraining)
    {
        if (withTraining)
        {
            _trainFile =
                AddOptional<string>("--train-file", "Training rows: .jsonl, .json or .csv, each also .gz or .zst, or .parquet.", "FILE");
            _split = Add("--hf-split", "Split of the dataset to train on.", "train", "NAME");
            _limit = AddOptional<long?>("--limit", "Train on at most this many rows, of those that pass the filters.", "N");
        }

        _evalFile = AddOptional<string>("--eval-file", "Evaluation rows.", "FILE");
        _dataset = AddOptional<string>("--hf-dataset",
            "Dataset folder or file, or a hub's dataset org/name[@revision], instead of --train-file and --eval-file.", "DIR|ID");
        _config = AddOptional<string>("--hf-config", "Configuration of the dataset, or a subfolder.", "NAME");
        _evalSplit = AddOptional<string>("--eval-split", "Split of the dataset to evaluate on.", "NAME");
        _evalLimit = AddOptional<long?>("--eval-limit", "Read at most this many evaluation rows.", "N");
    }

    /// <summary>
    /// Throws <see cref="UserInputException"/> when training rows are not named, or a file that is named is not there; opens nothing.
    /// </summary>
    public void Check(ParseResult result)
    {
        TrainingSource(result);
        EvaluationSource(result);
        foreach (Option<string?> option in new[] { _trainFile!, _evalFile })
        {
            Require(result.GetValue(option) is not { } file || File.Exists(file), option, $"{result.GetValue(option)}: no such file");
        }

        RequireLimit(result, _limit!);
        RequireLimit(result, _evalLimit);
    }

    /// <summary>Reads and tokenises the training pairs; at least one is left.</summary>
    public PairDataset LoadTrain(
        ParseResult result, IPairTokenizer tokenizer, RowSelection selection, DiagnosticOptions? diagnostic = null, bool asRankings = false)
    {
        (string? file, string? dataset) = TrainingSource(result);
        IRowSource source = file is not null
            ? RowSource.OpenFile(file)
            : DatasetRows.Open(dataset!, result.GetValue(_split!)!, result.GetValue(_config));
        RequireLimit(result, _limit!);
        Require(
            selection.Sample == SampleMode.First || result.GetValue(_limit!) is not null, _limit!,
            "is needed by --sample random: without it every row is taken");
        var data = PairDataset.LoadSelected(
            source, tokenizer, new LoadOptions(selection with { Limit = result.GetValue(_limit!) }, diagnostic, asRankings));
        data.RequirePairs("training");
        return data;
    }

    /// <summary>Reads and tokenises the evaluation pairs, or null when none are named.</summary>
    public PairDataset? LoadEval(ParseResult result, IPairTokenizer tokenizer, DiagnosticOptions? diagnostic = null)
    {
        (string? file, string? split) = EvaluationSource(result);
        if (file is null && split is null)
        {
            return null;
        }

        IRowSource source = file is not null
            ? RowSource.OpenFile(file)
            : DatasetRows.Open(result.GetValue(_dataset)!, split!, result.GetValue(_config));
        RequireLimit(result, _evalLimit);
        var data =
            PairDataset.LoadSelected(source, tokenizer, new LoadOptions(new RowSelection(result.GetValue(_evalLimit)), diagnostic));
        data.RequirePairs("evaluation");
        return data;
    }

    /// <summary>The rows of a benchmark: of the file or dataset that is named, otherwise of the hub's.</summary>
    public IEnumerable<DataRow> OpenSuite(ParseResult result, BenchmarkSuite suite)
    {
        string split = result.GetValue(_evalSplit) ?? suite.Split;
        Require(result.GetValue(_evalFile) is null || result.GetValue(_dataset) is null, _evalFile,
            "and --hf-dataset name two sets of rows; give one");
        IRowSource source = result.GetValue(_evalFile) is { } file ? RowSource.OpenFile(file)
            : DatasetRows.Open(result.GetValue(_dataset) ?? suite.Dataset, split, result.GetValue(_config));
        RequireLimit(result, _evalLimit);
        return result.GetValue(_evalLimit) is { } limit ? source.Read().Take(checked((int)Math.Min(limit, int.MaxValue))) : source.Read();
    }

    // Exactly one of the two is named.
    private (string? File, string? Dataset) TrainingSource(ParseResult result) =>
        (result.GetValue(_trainFile!), result.GetValue(_dataset)) switch
        {
            (null, null) => throw new UserInputException("No training data: give --train-file FILE or --hf-dataset DIR."),
            ({ }, { }) => throw new UserInputException("Give either --train-file or --hf-dataset, not both."),
            var source => source,
        };

    // At most one of the two is named.
    private (string? File, string? Split) EvaluationSource(ParseResult result) =>
        (result.GetValue(_evalFile), result.GetValue(_evalSplit), result.GetValue(_dataset)) switch
        {
            (null, { }, null) => throw new UserInputException("--eval-split needs --hf-dataset; with --train-file give --eval-file."),
            ({ }, { }, _) => throw new UserInputException("Give either --eval-file or --eval-split, not both."),
            var (file, split, _) => (file, split),
        };

    private static void RequireLimit(ParseResult result, Option<long?> option) =>
        Require(result.GetValue(option) is not <= 0, option, "must be at least 1");
}
