using System.CommandLine;
using System.Text;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Files;
using Rm.Formats.Rendering;
using Rm.Host.Options;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Evaluation;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary><c>btrm eval</c>.</summary>
internal sealed class EvalCommand
{
    private readonly ScoringOptions _scoring = new();
    private readonly DatasetOptions _dataset = new(withTraining: false);
    private readonly TextOptionGroup _text = new();
    private readonly DeviceOptions _device = new();
    private readonly Option<string?> _output =
        new("--output") { Description = "Write the figures to this file as well.", HelpName = "FILE" };

    private readonly Option<string?> _saveRows =
        new("--save-rows") { Description = "Write the rewards of every pair to this file, for analyses and paired tests.", HelpName = "FILE" };

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("eval", "Accuracy and calibration of a reward model on preference pairs.");
        foreach (OptionGroup group in new OptionGroup[] { _scoring, _dataset, _text, _device })
        {
            group.AddTo(command);
        }

        command.Options.Add(_output);
        command.Options.Add(_saveRows);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        ModelSource source = _scoring.Open(result);
        PairTokenizer tokenizer = source.PairTokenizer(_text.ReadForScoring(result, source.Config.VocabSize, _scoring.Artifact(result, source)));
        PairDataset data = _dataset.LoadEval(result, tokenizer)
            ?? throw new UserInputException("No rows to evaluate: give --eval-file FILE, or --hf-dataset DIR with --eval-split NAME.");
        using IBackend backend = _device.Open(result);
        using RewardModel model = source.LoadForScoring(backend, _scoring.Adapter(result));
        PairRewards rewards = PairEvaluator.Score(model, data.Pairs, _scoring.MicroTokenBudget(result), _scoring.SharePrefix(result));
        if (result.GetValue(_saveRows) is { } rowsFile)
        {
            EvalRowFile.Write(rowsFile, rewards.ToRows(data.Pairs));
        }

        SubsetScores? subsets = SubsetScores.Of(data.Pairs, rewards);
        if (subsets is not null)
        {
            SubsetScoresOutput.WriteTable(subsets, Console.Error);
        }

        byte[] json = ToJson(EvaluationResult.From(data.Pairs, rewards, new PairLossOptions()), subsets);
        if (result.GetValue(_output) is { } path)
        {
            AtomicFile.Write(path, json);
        }

        Console.Out.WriteLine(Encoding.UTF8.GetString(json));
        return ExitCodes.Success;
    }

    private static byte[] ToJson(EvaluationResult result, SubsetScores? subsets)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            EvaluationJson.WriteFields(writer, result, "eval_");
            if (subsets is not null)
            {
                SubsetScoresOutput.WriteFields(writer, subsets, "eval_");
            }

            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
