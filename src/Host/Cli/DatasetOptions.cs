using System.CommandLine;
using Rm.Host.Data;

namespace Rm.Host.Cli;

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
            _trainFile = AddOptional<string>("--train-file", "Training rows: .jsonl, .json or .csv, each also .gz or .zst, or .parquet.", "FILE");
            _split = Add("--hf-split", "Split of the dataset to train on.", "train", "NAME");
            _limit = AddOptional<long?>("--limit", "Read at most this many training rows.", "N");
        }

        _evalFile = AddOptional<string>("--eval-file", "Evaluation rows.", "FILE");
        _dataset = AddOptional<string>("--hf-dataset", "Dataset folder or file, or a hub's dataset org/name[@revision], instead of --train-file and --eval-file.", "DIR|ID");
        _config = AddOptional<string>("--hf-config", "Configuration of the dataset, or a subfolder.", "NAME");
        _evalSplit = AddOptional<string>("--eval-split", "Split of the dataset to evaluate on.", "NAME");
        _evalLimit = AddOptional<long?>("--eval-limit", "Read at most this many evaluation rows.", "N");
    }

    /// <summary>Reads and tokenises the training pairs; at least one is left.</summary>
    public PairDataset LoadTrain(ParseResult result, PairTokenizer tokenizer)
    {
        IRowSource source = (result.GetValue(_trainFile!), result.GetValue(_dataset)) switch
        {
            ({ } file, null) => RowSource.OpenFile(file),
            (null, { } dataset) => RowSource.Open(dataset, result.GetValue(_split!)!, result.GetValue(_config)),
            (null, null) => throw new UserInputException("No training data: give --train-file FILE or --hf-dataset DIR."),
            _ => throw new UserInputException("Give either --train-file or --hf-dataset, not both."),
        };
        RequireLimit(result, _limit!);
        PairDataset data = PairDataset.Load(source, tokenizer, result.GetValue(_limit!));
        data.RequirePairs("training");
        return data;
    }

    /// <summary>Reads and tokenises the evaluation pairs, or null when none are named.</summary>
    public PairDataset? LoadEval(ParseResult result, PairTokenizer tokenizer)
    {
        IRowSource? source = (result.GetValue(_evalFile), result.GetValue(_evalSplit), result.GetValue(_dataset)) switch
        {
            ({ } file, null, _) => RowSource.OpenFile(file),
            (null, { } split, { } dataset) => RowSource.Open(dataset, split, result.GetValue(_config)),
            (null, { }, null) => throw new UserInputException("--eval-split needs --hf-dataset; with --train-file give --eval-file."),
            ({ }, { }, _) => throw new UserInputException("Give either --eval-file or --eval-split, not both."),
            _ => null,
        };
        if (source is null)
        {
            return null;
        }

        RequireLimit(result, _evalLimit);
        PairDataset data = PairDataset.Load(source, tokenizer, result.GetValue(_evalLimit));
        data.RequirePairs("evaluation");
        return data;
    }

    private static void RequireLimit(ParseResult result, Option<long?> option) =>
        Require(result.GetValue(option) is not <= 0, option, "must be at least 1");
}
