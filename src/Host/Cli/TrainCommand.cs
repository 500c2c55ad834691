using System.CommandLine;
using Rm.Host.Checkpoints;
using Rm.Host.Config;
using Rm.Host.Data;
using Rm.Host.Evaluation;
using Rm.Host.Experiments.Diagnostics;
using Rm.Host.Model;
using Rm.Host.Reporting;
using Rm.Host.Reporting.TensorBoard;
using Rm.Host.Training;
using Rm.Kernels.Ops;

namespace Rm.Host.Cli;

/// <summary><c>btrm train</c>.</summary>
internal sealed class TrainCommand
{
    private readonly Option<string> _model = new("--model") { Description = "Checkpoint folder, or a hub's model org/name[@revision].", Required = true, HelpName = "DIR|ID" };
    private readonly DatasetOptions _dataset = new(withTraining: true);
    private readonly SelectionOptions _selection = new();
    private readonly DiagnosticOptionGroup _diagnostic = new();
    private readonly TextOptionGroup _text = new();
    private readonly LoraOptions _lora = new();
    private readonly OptimizationOptions _optimization = new();
    private readonly DeviceOptions _device = new();
    private readonly OutputOptions _output = new();
    private readonly InstrumentOptions _instruments = new(withMetrics: true);
    private readonly Option<string?> _config = ConfigFile.CreateOption();
    private readonly Option<string?> _preset = Preset.CreateOption();
    private readonly Command _command = new("train", "Fit a reward model to preference pairs.");

    /// <summary>Where the result goes; stdout unless the run is a part of another command.</summary>
    public TextWriter Results { get; init; } = Console.Out;

    /// <summary>Stands between rows and token ids. Tests put a fault of a pipeline there, to see that diagnostics find it.</summary>
    public Func<IPairTokenizer, IPairTokenizer> WrapTokenizer { get; init; } = tokenizer => tokenizer;

    /// <summary>The command.</summary>
    public Command Create()
    {
        _command.Options.Add(_model);
        foreach (OptionGroup group in new OptionGroup[] { _dataset, _selection, _diagnostic, _text, _lora, _optimization, _output, _instruments, _device })
        {
            group.AddTo(_command);
        }

        _command.Options.Add(_config);
        _command.Options.Add(_preset);
        _command.SetAction(Run);
        return _command;
    }

    /// <summary>
    /// Checks what can be checked without opening model and data, and without the network. Throws <see cref="UserInputException"/> as a run would.
    /// </summary>
    public void Check(ParseResult result)
    {
        string model = result.GetValue(_model)!;

        // The norms that a hub's model has are not known; Qwen3 has all that there are.
        ModelConfig config = Directory.Exists(model) ? ModelConfig.Load(model) : ModelShapes.Get("qwen3-0.6b");
        _lora.Check(result, config);
        _text.Read(result, config.VocabSize);
        _optimization.Check(result);
        _selection.Read(result, _optimization.Seed(result));
        _diagnostic.Read(result);
        _instruments.Check(result);
        _dataset.Check(result);
        _device.Check(result);
    }

    private int Run(ParseResult result)
    {
        // Signals count from the first moment on: a job may be stopped while it still reads its data.
        using var signals = new StopSignals();
        ModelSource source = ModelSource.Open(result.GetValue(_model)!);
        TrainingScope scope = _lora.Read(result, source.Config);
        TextOptions text = _text.Read(result, source.Config.VocabSize);
        _optimization.Check(result);
        RowSelection selection = _selection.Read(result, _optimization.Seed(result));
        DiagnosticOptions? diagnostic = _diagnostic.Read(result);
        IReadOnlyList<EvalRow>? baseline = _diagnostic.Baseline(result) is { } path ? FinishedRun.EvalRows(path) : null;
        bool toTensorBoard = _output.ReportsToTensorBoard(result);
        _instruments.Check(result);
        _device.Check(result);
        Preset? preset = Preset.In(result);
        if (PresetAdvice.Warning(source.Config, preset?.Name, _optimization.LearningRate(result)) is { } warning)
        {
            Console.Error.WriteLine(warning);
        }

        using RunDirectory run = _output.Open(result);

        IPairTokenizer tokenizer = WrapTokenizer(source.PairTokenizer(text));
        PairDataset train = _dataset.LoadTrain(result, tokenizer, selection, diagnostic);
        PairDataset? eval = _dataset.LoadEval(result, tokenizer, diagnostic is { TransformEval: true } ? diagnostic : null);
        DataReport report = DataReport.Of(train, eval);
        DataReportText.Write(report, Console.Error);
        TrainingOptions options = _optimization.Read(result, train.Pairs.Count);
        IReadOnlyDictionary<string, string> settings = ResolvedSettings.Of(result, options);
        string weights = WeightsFingerprint.Of(source.Folder);
        if (_output.Resumes(result))
        {
            new EarlierRun(run.RunFile).RequireSame(settings, weights, train.Fingerprint, eval?.Fingerprint);
        }

        using IBackend backend = _device.Open(result);
        MemoryPlan plan = _device.Plan(
            result, backend, source.Config, scope, source.WeightType(), TrainingExtent(train, options),
            eval is null ? null : MicroBatchExtent.Of([eval.Pairs], options.MicroTokenBudget, options.SharePrefix));
        using RewardModel model = source.Load(backend, scope, training: true, plan.Recompute);
        model.ReserveActivations(plan.Activations.Peak);
        ModelStart.Initialize(model, _lora.InitAdapter(result), options.Seed);
        RewardToken? rewardToken = report.Train.RewardTokens.FirstOrDefault();
        ArtifactInfo artifact = new(
            BtrmVersion.Text, rewardToken?.Id, rewardToken?.Text, text.UseChatTemplate, text.SystemPrompt, text.MaxSeqLen, text.Truncation.ToString());
        var saver = new ModelSaver(model, source.Name, source.Folder, artifact, Probe(eval ?? train));
        var store = new CheckpointStore(run.Checkpoints, saver);
        run.Prepare();
        TrainerState state = _output.Resume(result, run, store, model);
        if (state.Step == 0 || !File.Exists(run.RunFile))
        {
            RunFile.Write(run, settings, preset?.Name, backend, source.Name, source.Folder, weights, model, plan, train, eval, report);
        }

        using StepInstruments instruments = _instruments.Start(result, backend);
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
