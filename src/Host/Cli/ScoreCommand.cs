using Rm.Training.Artifacts;
using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Options;
using Rm.Kernels.Ops;
using Rm.Training.Evaluation;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary><c>btrm score</c>.</summary>
internal sealed class ScoreCommand
{
    private readonly ScoringOptions _scoring = new();
    private readonly TextOptionGroup _text = new();
    private readonly DeviceOptions _device = new();
    private readonly Option<string> _input =
        new("--input") { Description = "Rows: pairs, messages, text or input_ids.", Required = true, HelpName = "FILE" };

    private readonly Option<string> _output =
        new("--output") { Description = "Where the rows go, with their rewards.", Required = true, HelpName = "FILE" };

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("score", "Write the rewards of rows.");
        command.Options.Add(_input);
        command.Options.Add(_output);
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

        ModelSource source = _scoring.Open(result);
        PairTokenizer tokenizer = source.PairTokenizer(_text.ReadForScoring(result, source.Config.VocabSize, _scoring.Artifact(result, source)));
        using IBackend backend = _device.Open(result);
        using RewardModel model = source.LoadForScoring(backend, _scoring.Adapter(result));
        var scorer = new RowScorer(model, tokenizer, _scoring.MicroTokenBudget(result), _scoring.SharePrefix(result));
        (long scored, long left) = ScoreFile.Write(scorer, rows, output);
        Console.Error.WriteLine($"Scored {scored} rows into {output}.");
        if (left > 0)
        {
            Console.Error.WriteLine(
                $"{left} rows have no reward (null): their text does not fit --max-seq-len, or is empty. Their column score_error says which.");
        }

        return ExitCodes.Success;
    }
}
