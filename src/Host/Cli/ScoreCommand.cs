using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Options;
using Rm.Host.Serving.Client;
using Rm.Host.Serving.Http;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Evaluation;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary><c>btrm score</c>.</summary>
internal sealed class ScoreCommand
{
    private static readonly string[] Used =
        ["--input", "--output", "--server", "--served-model-name", "--api-key-file", "--debug", "--config"];

    private readonly ScoringOptions _scoring = new();
    private readonly TextOptionGroup _text = new();
    private readonly DeviceOptions _device = new();
    private readonly Option<string> _input =
        new("--input") { Description = "Rows: pairs, messages, text or input_ids.", Required = true, HelpName = "FILE" };

    private readonly Option<string> _output =
        new("--output") { Description = "Where the rows go, with their rewards.", Required = true, HelpName = "FILE" };

    private readonly Option<string?> _server =
        new("--server") { Description = "Ask a running `btrm serve` instead of loading a model.", HelpName = "URL" };

    private readonly Option<string?> _servedModel =
        new("--served-model-name") { Description = "With --server: which of its models; default: its first.", HelpName = "NAME" };

    private readonly Option<string?> _keyFile =
        new("--api-key-file") { Description = "With --server: file whose first line is the server's key.", HelpName = "FILE" };

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("score", "Write the rewards of rows.");
        command.Options.Add(_input);
        command.Options.Add(_output);
        foreach (Option<string?> option in new[] { _server, _servedModel, _keyFile })
        {
            command.Options.Add(option);
        }

        foreach (OptionGroup group in new OptionGroup[] { _scoring, _text, _device })
        {
            group.AddTo(command);
        }

        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        string output = result.GetValue(_output)!;
        string input = result.GetValue(_input)!;
        IRowSource rows = RowSource.OpenFile(input);
        if (Path.GetFullPath(input) == Path.GetFullPath(output))
        {
            throw new UserInputException("--output must not be the input file.");
        }

        if (result.GetValue(_server) is { } server)
        {
            return RunOnServer(result, server, rows, output);
        }

        if (result.GetValue(_servedModel) is not null || result.GetValue(_keyFile) is not null)
        {
            throw new UserInputException(
                "--served-model-name and --api-key-file say which model of a server and its key; give --server URL too.");
        }

        ModelSource source = _scoring.Open(result);
        PairTokenizer tokenizer =
            source.PairTokenizer(_text.ReadForScoring(result, source.Config.VocabSize, _scoring.Artifact(result, source)));
        using IBackend backend = _device.Open(result);
        using RewardModel model = source.LoadForScoring(backend, _scoring.Adapter(result));
        var scorer = new RowScorer(model, tokenizer, _scoring.MicroTokenBudget(result), _scoring.SharePrefix(result));
        return Report(ScoreFile.Write(scorer.Score, rows, output), output);
    }

    private int RunOnServer(ParseResult result, string server, IRowSource rows, string output)
    {
        // What a server renders and cuts is its own affair: options that would be ignored are refused.
        string[] ignored =
        [
            .. result.CommandResult.Children.OfType<System.CommandLine.Parsing.OptionResult>()
                .Where(given => !given.Implicit && !Used.Contains(given.Option.Name)).Select(given => given.Option.Name),
        ];
        if (ignored.Length > 0)
        {
            throw new UserInputException(
                $"{string.Join(", ", ignored)}: with --server the model, its device and how texts are read are the server's.");
        }

        string? key = result.GetValue(_keyFile) is { } file ? ApiKey.ReadText(file) : null;
        using var client = new RewardClient(server, key, result.GetValue(_servedModel));
        return Report(ScoreFile.Write(client.Score, rows, output), output);
    }

    private static int Report((long Scored, long Left) counts, string output)
    {
        (long scored, long left) = counts;
        Console.Error.WriteLine($"Scored {scored} rows into {output}.");
        if (left > 0)
        {
            Console.Error.WriteLine(
                $"{left} rows have no reward (null): their text does not fit --max-seq-len, or is empty. Their column score_error says "
                    + $"which.");
        }

        return ExitCodes.Success;
    }
}
