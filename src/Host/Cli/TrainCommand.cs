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
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Memory;
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
        ModelSource source = ModelSource.Open(_options.Model(result));
        TrainingScope scope = _options.Lora.Read(result, source.Config);
        TextOptions text = _options.Text.Read(result, source.Config.VocabSize);
        _options.Optimization.Check(result);
        RowSelection selection = _options.Selection.Read(result, _options.Optimization.Seed(result));
        DiagnosticOptions? diagnostic = _options.Diagnostic.Read(result);
        IReadOnlyList<EvalRow>? baseline = _options.Diagnostic.Baseline(result) is { } path ? FinishedRun.EvalRows(path) : null;
        bool toTensorBoard = _options.Output.ReportsToTensorBoard(result);
        _options.Instruments.Check(result);
        _options.Device.Check(result);
        Preset? preset = Preset.In(result);
        if (PresetAdvice.Warning(source.Config, preset?.Name, _options.Optimization.LearningRate(result)) is { } warning)
        {
            Console.Error.WriteLine(warning);
        }

        using RunDirectory run = _options.Output.Open(result);

        IPairTokenizer tokenizer = WrapTokenizer(source.PairTokenizer(text));
        PairDataset train = _options.Dataset.LoadTrain(result, tokenizer, selection, diagnostic);
        PairDataset? eval = _options.Dataset.LoadEval(result, tokenizer, diagnostic is { TransformEval: true } ? diagnostic : null);
        DataReport report = DataReport.Of(train, eval);
        DataReportText.Write(report, Console.Error);
        TrainingOptions options = _options.Optimization.Read(result, train.Pairs.Count);
        IReadOnlyDictionary<string, string> settings = ResolvedSettings.Of(result, options);
        string weights = WeightsFingerprint.Of(source.Folder);
        if (_options.Output.Resumes(result))
        {
            new EarlierRun(run.RunFile).RequireSame(settings, weights, train.Fingerprint, eval?.Fingerprint);
        }

        using IBackend backend = _options.Device.Open(result);
        MemoryPlan plan = _options.Device.Plan(
            result, backend, source.Config, scope, source.WeightType(), TrainingExtent(train, options),
            eval is null ? null : MicroBatchExtent.Of([eval.Pairs], options.MicroTokenBudget, options.SharePrefix));
        using RewardModel model = source.Load(backend, scope, training: true, plan.Recompute);
        model.ReserveActivations(plan.Activations.Peak);
        ModelStart.Initialize(model, _options.Lora.InitAdapter(result), options.Seed);
        RewardToken? rewardToken = report.Train.RewardTokens.FirstOrDefault();
        ArtifactInfo artifact = new(
            BtrmVersion.Text, rewardToken?.Id, rewardToken?.Text, text.UseChatTemplate, text.SystemPrompt, text.MaxSeqLen, text.Truncation.ToString());
        var saver = new ModelSaver(model, source.Name, source.Folder, artifact, Probe(eval ?? train));
        var store = new CheckpointStore(run.Checkpoints, saver);
        run.Prepare();
        TrainerState state = _options.Output.Resume(result, run, store, model);
        if (state.Step == 0 || !File.Exists(run.RunFile))
        {
            RunFile.Write(run, settings, preset?.Name, backend, source.Name, source.Folder, weights, model, plan, train, eval, report);
        }

        using StepInstruments instruments = _options.Instruments.Start(result, backend);
        using var console = new ConsoleProgress(options.Steps, state.Step);
        using TensorBoardLog? board = toTensorBoard ? TensorBoardLog.Create(run.FolderPath, state.Step, console.Message) : null;
        var reporter = new RunReporter(console, run, board);
        var job = new TrainingJob(model, options, run, store, train.Pairs, eval?.Pairs ?? [], saver, source.Tokenizer)
        {
            Instruments = instruments,
            MetricsWritten = board is null ? null : board.Metrics,
        };
        TrainingOutcome outcome = new Trainer(job, state, reporter, signals).Run();
        console.Dispose();
        DiagnosticOutcome? verdict = diagnostic is null || outcome.End == TrainingEnd.Interrupted
            ? null
            : DiagnosticRun.Judge(diagnostic, model, options, train, eval is null ? null : EvalRowFile.Read(run.LastEvalRows), baseline);
        int code = Finish(run, model, outcome, verdict, signals);
        reporter.WritePage();
        return code;
    }

    // The order of the pairs is known, so every micro-batch of the run is.
    private static MicroBatchExtent TrainingExtent(PairDataset train, TrainingOptions options)
    {
        var planner = new BatchPlanner(train.Pairs, options.BatchSize, options.Order, options.Seed);
        return MicroBatchExtent.Of(
            Enumerable.Range(0, options.Steps).Select(step => planner.BatchAt(step)), options.MicroTokenBudget, options.SharePrefix);
    }

    private int Finish(RunDirectory run, RewardModel model, TrainingOutcome outcome, DiagnosticOutcome? verdict, StopSignals signals)
    {
        if (outcome.End == TrainingEnd.Interrupted)
        {
            Console.Error.WriteLine(
                $"Stopped by {signals.Received} at step {outcome.State.Step}; {outcome.CheckpointPath} is complete. Go on with --resume auto.");
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

    // The shortest pair costs least to score at every save.
    private static SequenceLayout Probe(PairDataset data) =>
        PairPacking.Pack([data.Pairs.MinBy(p => p.PackedTokens(sharePrefix: true))!], sharePrefix: true);
}
