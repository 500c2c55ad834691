using System.CommandLine;
using System.Text;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Diagnostics;
using Rm.Formats.Hub;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;
using Rm.Host.Options;
using Rm.Training.Artifacts;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary><c>btrm data show</c> and <c>btrm data report</c>.</summary>
internal static class DataCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new Command("data", "Look at data as the model will see it.");
        command.Subcommands.Add(new ShowCommand().Create());
        command.Subcommands.Add(new ReportCommand().Create());
        return command;
    }

    private static (Tokenizer Tokenizer, IChatTemplate? Template) OpenTokenizer(string folder)
    {
        var tokenizer = Tokenizer.Load(folder);
        return (tokenizer, ModelSource.TemplateOf(tokenizer));
    }

    private static Option<string?> FolderOption(string name, string description) =>
        new(name) { Description = description, HelpName = "DIR" };

    private static string Folder(ParseResult result, Option<string?> tokenizer, Option<string?> model) =>
        ModelResolver.Resolve(
            result.GetValue(tokenizer) ?? result.GetValue(model) ?? throw new UserInputException("Give --tokenizer DIR or --model DIR."),
            ModelParts.Tokenizer);

    private sealed class ShowCommand
    {
        private readonly Option<string?> _tokenizer = FolderOption("--tokenizer", "Folder with tokenizer.json.");
        private readonly Option<string?> _model = FolderOption("--model", "Checkpoint folder.");
        private readonly Option<string> _input =
            new("--input") { Description = "Rows with text or messages.", Required = true, HelpName = "FILE" };
        private readonly Option<string> _output =
            new("--output") { Description = "Where the texts and ids go.", Required = true, HelpName = "FILE" };
        private readonly Option<bool> _special =
            new("--add-special-tokens") { Description = "Let the tokenizer add its own special tokens to text rows." };
        private readonly Option<bool> _generation =
            new("--add-generation-prompt") { Description = "End messages with the opening of an assistant turn." };
        private readonly Option<long?> _limit = new("--limit") { Description = "At most this many rows.", HelpName = "N" };

        public Command Create()
        {
            var command = new Command("show", "Write each row's text and token ids.");
            foreach (Option option in new Option[] { _tokenizer, _model, _input, _output, _special, _generation, _limit })
            {
                command.Options.Add(option);
            }

            command.SetAction(Run);
            return command;
        }

        private int Run(ParseResult result)
        {
            (Tokenizer tokenizer, IChatTemplate? template) = OpenTokenizer(Folder(result, _tokenizer, _model));
            IRowSource rows = RowSource.OpenFile(result.GetValue(_input)!);
            using var output = new StreamWriter(result.GetValue(_output)!, append: false, new UTF8Encoding(false));
            new DataShow(tokenizer, template).Write(
                rows, output, result.GetValue(_special), result.GetValue(_generation), result.GetValue(_limit));
            return ExitCodes.Success;
        }
    }

    private sealed class ReportCommand
    {
        private readonly Option<string?> _tokenizer = FolderOption("--tokenizer", "Folder with tokenizer.json.");
        private readonly Option<string?> _model = FolderOption("--model", "Checkpoint folder.");
        private readonly DatasetOptions _dataset = new(withTraining: true);
        private readonly SelectionOptions _selection = new();
        private readonly DiagnosticOptionGroup _diagnostic = new();
        private readonly TextOptionGroup _text = new();
        private readonly Option<ulong> _seed =
            new("--seed") { Description = "Decides a random sample, as in train.", DefaultValueFactory = _ => 42, HelpName = "N" };
        private readonly Option<bool> _json = new("--json") { Description = "Print JSON instead of a table." };

        public Command Create()
        {
            var command = new Command("report", "What training would read: pairs kept, dropped and why, lengths, leaks.");
            command.Options.Add(_tokenizer);
            command.Options.Add(_model);
            _dataset.AddTo(command);
            _selection.AddTo(command);
            _diagnostic.AddTo(command);
            command.Options.Add(_seed);
            _text.AddTo(command);
            command.Options.Add(_json);
            command.SetAction(Run);
            return command;
        }

        private int Run(ParseResult result)
        {
            (Tokenizer tokenizer, IChatTemplate? template) = OpenTokenizer(Folder(result, _tokenizer, _model));
            int vocabulary = result.GetValue(_model) is { } model
                ? ModelConfig.Load(ModelResolver.Resolve(model, ModelParts.Tokenizer)).VocabSize
                : 0;
            var pairs = new PairTokenizer(tokenizer, template, _text.Read(result, vocabulary));
            DiagnosticOptions? diagnostic = _diagnostic.Read(result);
            PairDataset train = _dataset.LoadTrain(result, pairs, _selection.Read(result, result.GetValue(_seed)), diagnostic);
            var report =
                DataReport.Of(train, _dataset.LoadEval(result, pairs, diagnostic is { TransformEval: true } ? diagnostic : null));
            if (!result.GetValue(_json))
            {
                DataReportText.Write(report, Console.Out);
                return ExitCodes.Success;
            }

            using var buffer = new MemoryStream();
            using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
            {
                DataReportJson.Write(report, writer);
            }

            Console.Out.WriteLine(Encoding.UTF8.GetString(buffer.ToArray()));
            return ExitCodes.Success;
        }
    }
}
