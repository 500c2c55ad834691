using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Experiments.Diagnostics;
using Rm.Host.Options;
using Rm.Host.Reporting;
using Rm.Host.Reporting.TensorBoard;
using Rm.Host.Sessions;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Model;
using Rm.Training.Statistics;

namespace Rm.Host.Cli;

/// <summary><c>btrm train</c>.</summary>
internal sealed class TrainCommand
{
    private readonly TrainOptionSet _options = new();
    private readonly Command _command = new("train", "Fit a reward model to preference pairs.");

    /// <summary>Where the result goes; stdout unless the run is a part of another command.</summary>
    public TextWriter Results { get; init; } = Console.Out;

    /// <summary>Stands between rows and token ids. Tests put a fault of a pipeline there, to see that diagnostics find it.</summary>
    public Func<IPairTokenizer, IPairTokenizer> WrapTokenizer { get; init; } = tokenizer => tokenizer;

    /// <summary>The command.</summary>
    public Command Create()
    {
        _options.AddTo(_command);
        _command.SetAction(Run);
        return _command;
    }

    private int Run(ParseResult result)
    {
        // Signals count from the first moment on: a job may be stopped while it still reads its data.
        using var signals = new StopSignals();
        var source = ModelSource.Open(_options.Model(result), _options.BaseType(result));
        TrainingScope scope = _options.Lora.Read(result, source.Config);
        TextOptions text = _options.Text.Read(result, source.Config.VocabSize);
        _options.Optimization.Check(result);
        RowSelection selection = _options.Selection.Read(result, _options.Optimization.Seed(result));
        DiagnosticOptions? diagnostic = _options.Diagnostic.Read(result);
        RankingLossKind? ranking = _options.Optimization.RankingLoss(result);
        if (ranking is not null && diagnostic is not null)
        {
            throw new UserInputException(
                "--diagnostic-mode changes pairs one by one, which leaves no rankings: --ranking-loss must be pairs with it.");
        }

        IReadOnlyList<EvalRow>? baseline = _options.Diagnostic.Baseline(result) is { } path ? FinishedRun.EvalRows(path) : null;
        bool toTensorBoard = _options.Output.ReportsToTensorBoard(result);
        _options.Instruments.Check(result);
        _options.Device.Check(result);
        var preset = Preset.In(result);
        if (PresetAdvice.Warning(source.Config, preset?.Name, _options.Optimization.LearningRate(result)) is { } warning)
        {
            Console.Error.WriteLine(warning);
        }

        using RunDirectory run = _options.Output.Open(result);

        IPairTokenizer tokenizer = WrapTokenizer(source.PairTokenizer(text));
        PairDataset train = _options.Dataset.LoadTrain(result, tokenizer, selection, diagnostic, ranking is not null);
        PairDataset? eval = _options.Dataset.LoadEval(result, tokenizer, diagnostic is { TransformEval: true } ? diagnostic : null);
        var report = DataReport.Of(train, eval);
        DataReportText.Write(report, Console.Error);
        TrainingOptions options = _options.Optimization.Read(result, train);
        IReadOnlyDictionary<string, string> settings = ResolvedSettings.Of(result, options);
        RewardToken? rewardToken = report.Train.RewardTokens.FirstOrDefault();
        var setup = new SessionSetup(source, scope, train, eval, report, options, settings)
        {
            Preset = preset?.Name,
            InitAdapter = _options.Lora.InitAdapter(result),
            Artifact = new ArtifactInfo(
                BtrmVersion.Text, rewardToken?.Id, rewardToken?.Text, text.UseChatTemplate, text.SystemPrompt, text.MaxSeqLen,
                text.Truncation.ToString())
            {
                BaseDType = source.BaseDType?.ToString().ToLowerInvariant(),
            },
        };
        using var session = new TrainingSession(setup, run, _options.Device, result);
        session.Begin(_options.Output.Resumes(result), store => _options.Output.Resume(result, run, store, session.Model));
        using StepInstruments instruments = _options.Instruments.Start(result, session.Backend);
        using var console = new ConsoleProgress(options.Steps, session.State.Step);
        using TensorBoardLog? board = toTensorBoard ? TensorBoardLog.Create(run.FolderPath, session.State.Step, console.Message) : null;
        var reporter = new RunReporter(console, run, board);
        TrainingJob job = session.Job(instruments, board);
        TrainingOutcome outcome = new Trainer(job, session.State, reporter, signals).Run();
        console.Dispose();
        DiagnosticOutcome? verdict = diagnostic is null || outcome.End == TrainingEnd.Interrupted
            ? null
            : DiagnosticRun.Judge(
                diagnostic, session.Model, options, train, eval is null ? null : EvalRowFile.Read(run.LastEvalRows), baseline);
        int code = Finish(run, session.Model, outcome, verdict, signals);
        reporter.WritePage();
        return code;
    }

    private int Finish(RunDirectory run, RewardModel model, TrainingOutcome outcome, DiagnosticOutcome? verdict, StopSignals signals)
    {
        if (outcome.End == TrainingEnd.Interrupted)
        {
            Console.Error.WriteLine(
                $"Stopped by {signals.Received} at step {outcome.State.Step}; {outcome.CheckpointPath} is complete. Go on with --resume "
                    + $"auto.");
            return ExitCodes.Interrupted;
        }

        string json = ResultFile.Write(run, model, outcome, verdict);
        Results.WriteLine(json);
        if (verdict is not null)
        {
            DiagnosticText.Write(verdict, Console.Error);
        }

        return ExitCodes.Success;
    }
}
