using System.CommandLine;
using System.Text;
using Rm.Formats;
using Rm.Host.Analysis;
using Rm.Host.Options;

namespace Rm.Host.Cli;

/// <summary><c>btrm analyze</c>.</summary>
internal sealed class AnalyzeCommand
{
    private readonly Argument<string[]> _runs = new("DIR")
    {
        Description = "Run folders, folders that hold run folders, or files of evaluation rows.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly AnalyzeOptions _options = new();

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("analyze", "Compare runs: accuracy with intervals, paired tests, calibration, rewards and groups.");
        command.Arguments.Add(_runs);
        _options.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        Action<AnalysisReport> print = _options.Printer(result);
        IReadOnlyList<RunInput> runs = RunFinder.Read(result.GetValue(_runs)!);
        if (runs.All(r => r.State == RunCompletion.Broken))
        {
            throw new UserInputException(string.Join('\n', runs.Select(r => r.Problem)));
        }

        var report = AnalysisReport.Of(runs, _options.Baseline(result), _options.Stage(result));
        if (_options.Output(result) is { } folder)
        {
            AnalysisFolder.Write(folder, report);
        }

        print(report);
        return ExitCodes.Success;
    }

    private sealed class AnalyzeOptions : OptionGroup
    {
        private static readonly Dictionary<string, Stage> Stages = new(StringComparer.Ordinal)
        {
            ["best"] = Analysis.Stage.Best,
            ["final"] = Analysis.Stage.Final,
        };

        private static readonly Dictionary<string, Action<AnalysisReport>> Formats = new(StringComparer.Ordinal)
        {
            ["table"] = report =>
                AnalysisConsole.Write(report, Console.Out, Console.IsOutputRedirected ? null : Math.Max(80, Console.WindowWidth)),
            ["markdown"] = report => Console.Out.Write(AnalysisMarkdown.Write(report)),
            ["csv"] = report => Console.Out.Write(AnalysisCsv.Runs(report)),
            ["json"] = report => Console.Out.WriteLine(Encoding.UTF8.GetString(AnalysisJson.Write(report))),
        };

        private readonly Option<string?> _output;
        private readonly Option<string> _format;
        private readonly Option<string?> _baseline;
        private readonly Option<string> _compare;

        public AnalyzeOptions()
        {
            _format = Add("--format", "What is printed: table, markdown, csv (a row a run) or json (everything).", "table", "FORMAT");
            _output = AddOptional<string>(
                "--output", "Folder for analysis.md, analysis.json and CSV tables of runs, groups, comparisons and reliability.", "DIR");
            _baseline = AddOptional<string>("--baseline", "Run that the others are compared with; default: the most accurate.", "NAME");
            _compare = Add("--compare", "Which model of each run is compared: best or final.", "best", "MODEL");
        }

        public Action<AnalysisReport> Printer(ParseResult result) => Choose(result, _format, Formats);

        public string? Output(ParseResult result) => result.GetValue(_output);

        public string? Baseline(ParseResult result) => result.GetValue(_baseline);

        public Stage Stage(ParseResult result) => Choose(result, _compare, Stages);
    }
}
