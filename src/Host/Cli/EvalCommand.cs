using System.CommandLine;
using System.Text;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Files;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Options;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Evaluation;
using Rm.Training.Model;
using Rm.Training.Suites;

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
        new("--save-rows")
        {
            Description = "Write the rewards of every pair to this file, for analyses and paired tests.",
            HelpName = "FILE"
        };

    private readonly Option<string?> _suite = new("--suite")
    {
        Description = "Score a public benchmark instead: reward-bench, reward-bench-2, rm-bench or judge-bench; from the hub unless rows "
            + "are named.",
        HelpName = "NAME",
    };

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
        command.Options.Add(_suite);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        ModelSource source = _scoring.Open(result);
        PairTokenizer tokenizer =
            source.PairTokenizer(_text.ReadForScoring(result, source.Config.VocabSize, _scoring.Artifact(result, source)));
        if (result.GetValue(_suite) is { } name)
        {
            return RunSuite(result, BenchmarkSuite.Find(name), source, tokenizer);
        }

        PairDataset data = _dataset.LoadEval(result, tokenizer)
            ?? throw new UserInputException("No rows to evaluate: give --eval-file FILE, or --hf-dataset DIR with --eval-split NAME.");
        using IBackend backend = _device.Open(result);
        using RewardModel model = source.LoadForScoring(backend, _scoring.Adapter(result));
        PairRewards rewards = PairEvaluator.Score(model, data.Pairs, _scoring.MicroTokenBudget(result), _scoring.SharePrefix(result));
        if (result.GetValue(_saveRows) is { } rowsFile)
        {
            EvalRowFile.Write(rowsFile, rewards.ToRows(data.Pairs));
        }

        var subsets = SubsetScores.Of(data.Pairs, rewards);
        if (subsets is not null)
        {
            SubsetScoresOutput.WriteTable(subsets, Console.Error);
        }

        Write(result, writer =>
        {
            EvaluationJson.WriteFields(writer, EvaluationResult.From(data.Pairs, rewards, new PairLossOptions()), "eval_");
            if (subsets is not null)
            {
                SubsetScoresOutput.WriteFields(writer, subsets, "eval_");
            }
        });
        return ExitCodes.Success;
    }

    private int RunSuite(ParseResult result, BenchmarkSuite suite, ModelSource source, PairTokenizer tokenizer)
    {
        IEnumerable<DataRow> rows = _dataset.OpenSuite(result, suite);
        using IBackend backend = _device.Open(result);
        using RewardModel model = source.LoadForScoring(backend, _scoring.Adapter(result));
        IReadOnlyList<ScoredAnswers> scored =
            new SuiteScorer(model, tokenizer, _scoring.MicroTokenBudget(result), _scoring.SharePrefix(result)).Score(rows, suite);
        SuiteTable table = suite.Table(scored);
        if (result.GetValue(_saveRows) is { } rowsFile)
        {
            AtomicFile.Write(rowsFile, SuiteOutput.Rows(scored));
        }

        SuiteOutput.WriteTable(table, Console.Error);
        Write(result, writer => SuiteOutput.WriteFields(writer, suite.Name, table));
        return ExitCodes.Success;
    }

    private void Write(ParseResult result, Action<Utf8JsonWriter> fields)
    {
        byte[] json = ToJson(fields);
        if (result.GetValue(_output) is { } path)
        {
            AtomicFile.Write(path, json);
        }

        Console.Out.WriteLine(Encoding.UTF8.GetString(json));
    }

    private static byte[] ToJson(Action<Utf8JsonWriter> fields)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            fields(writer);
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }
}
