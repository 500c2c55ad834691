using System.CommandLine;
using System.CommandLine.Help;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Files;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Options;
using Rm.Host.Reporting;
using Rm.Host.Reporting.TensorBoard;
using Rm.Host.Sessions;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.Model;
using Rm.Training.RandomNumbers;

namespace Rm.Host.Trl;

/// <summary>
/// <c>btrm trl reward</c>: a command of TRL's as it is, the same start, the same steps and the same lines. The options of TRL's are read
/// from its own table, those about devices are btrm's.
/// </summary>
internal sealed class TrlRewardCommand
{
    private readonly DeviceOptions _device = new();
    private readonly InstrumentOptions _instruments = new(withMetrics: true);
    private readonly Option<int> _microTokenBudget = OptimizationOptions.CreateMicroTokenBudget();

    /// <summary>The command <c>trl</c> with what is below it.</summary>
    public Command Create()
    {
        var reward = new Command(
            "reward", "Train as TRL's reward command does: --config reward.yaml and its options. docs/from-trl.md lists them all.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        _device.AddTo(reward);
        _instruments.AddTo(reward);
        reward.Options.Add(_microTokenBudget);
        reward.Options.Add(new HelpOption { Action = new TrlHelpAction() });
        reward.SetAction(Run);
        return new Command("trl", "Commands of TRL's, unchanged.") { reward };
    }

    private int Run(ParseResult result)
    {
        using var signals = new StopSignals();
        var reader = new TrlSettingsReader(TrlArguments.Parse([.. result.UnmatchedTokens]));
        TrlSettings settings = reader.Read();
        foreach (string note in reader.Notes)
        {
            Console.Error.WriteLine(note);
        }

        _device.Check(result);
        _instruments.Check(result);
        var source = ModelSource.Open(settings.Model);
        TrainingScope scope = Scope(settings, source.Config);
        using var run =
            RunDirectory.Open(settings.OutputDir, settings.Resume is null ? ExistingRun.SetAside : ExistingRun.Resume, TrlOutput.Layout);
        var tokenizer = new TrlTokens(settings, source);
        (IRowSource trainRows, IRowSource? evalRows) = TrlRows.Open(settings);
        PairDataset train = Load(trainRows, tokenizer.Pairs, "training");
        PairDataset? eval = evalRows is null ? null : Load(evalRows, tokenizer.Pairs, "evaluation");
        var report = DataReport.Of(train, eval);
        DataReportText.Write(report, Console.Error);

        EpochBatchPlan plan = Plan(settings, train);
        int steps = Steps(settings, plan);
        TrainingOptions options = Options(settings, steps, result.GetValue(_microTokenBudget));
        var setup = new SessionSetup(source, scope, train, eval, report, options, reader.ForRunFile())
        {
            Plan = plan,
            PrefersCpu = settings.UseCpu,
            SavesTokenizer = true,
            PadTokenId = tokenizer.PadId,
            Artifact = tokenizer.Artifact(report),
        };
        using var session = new TrainingSession(setup, run, _device, result);
        if (settings.IsMixedPrecision && session.Backend is not Kernels.Cuda.CudaBackend)
        {
            Console.Error.WriteLine("bf16: the CPU computes in float32 all the same. TRL's autocast figures differ from the third digit "
                + "on; --bf16 false gives these.");
        }

        var calendar = new TrlCalendar(settings, plan, steps);
        var recorder = new TrlRecorder(settings, calendar, steps, (int)Math.Ceiling(plan.EpochAt(steps)), Console.Out);
        session.Begin(settings.Resume is not null, store => Resume(settings, store, session.Model, recorder));
        using StepInstruments instruments = _instruments.Start(result, session.Backend);
        using var console = new ConsoleProgress(steps, session.State.Step);
        using TensorBoardLog? board = settings.ToTensorBoard
            ? TensorBoardLog.Create(run.FolderPath, session.State.Step, console.Message)
            : null;
        var reporter = new RunReporter(console, run, board);
        TrainingJob job = session.Job(
            instruments, board) with
        { Calendar = calendar, Best = recorder.Best(), Recorder = recorder };
        if (settings.DropLast && eval is not null)
        {
            job = job with { EvalPairs = WholeBatches(eval, settings.EvalBatchSize) };
        }

        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        TrainingOutcome outcome = new Trainer(job, session.State, reporter, signals).Run();
        console.Dispose();
        if (outcome.End == TrainingEnd.Interrupted)
        {
            Console.Error.WriteLine(
                $"Stopped by {signals.Received} at step {outcome.State.Step}; {outcome.CheckpointPath} is complete. Go on with "
                    + $"--resume_from_checkpoint true.");
            return ExitCodes.Interrupted;
        }

        double samples = settings.MaxSteps is { } most
            ? (double)most * settings.BatchSize * settings.Accumulation
            : train.Pairs.Count * settings.Epochs;
        recorder.Finish(System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds, samples);
        Finish(settings, run, session, outcome);
        reporter.WritePage();
        return ExitCodes.Success;
    }

    private static PairDataset Load(IRowSource rows, IPairTokenizer tokenizer, string purpose)
    {
        var data = PairDataset.Load(rows, tokenizer);
        data.RequirePairs(purpose);
        return data;
    }

    private static TrainingScope Scope(TrlSettings settings, ModelConfig config)
    {
        var lora = new LoraOptions();
        var command = new Command("adapter");
        lora.AddTo(command);
        NumberArguments.MakeStrict(command);
        string[] modules = settings.LoraWords.Count == 0
            ? []
            : [$"--lora-target-modules={TrlLoraTargets.Resolve(settings.LoraTargets, config)}"];
        ParseResult words = command.Parse([.. settings.LoraWords, .. modules], OptionParser.Parsing);
        return words.Errors.Count == 0 ? lora.Read(words, config) : throw new UserInputException($"trl reward: {words.Errors[0].Message}");
    }

    private static EpochBatchPlan Plan(TrlSettings settings, PairDataset train) =>
        settings.DropLast && train.Pairs.Count < settings.BatchSize
        ? throw new UserInputException($"--dataloader_drop_last: {train.Pairs.Count} pairs make no batch of {settings.BatchSize}.")
        : new EpochBatchPlan(
            train.Pairs, settings.BatchSize, settings.Accumulation, settings.Order, settings.DataSeed, RandomSource.Torch,
            settings.DropLast);

    // The data loader of an evaluation drops its short batch as well.
    private static IReadOnlyList<PreferencePair> WholeBatches(PairDataset data, int size) => data.Pairs.Count >= size
        ? [.. data.Pairs.Take(data.Pairs.Count / size * size)]
        : throw new UserInputException($"--dataloader_drop_last: {data.Pairs.Count} evaluation pairs make no batch of {size}.");

    private static int Steps(TrlSettings settings, EpochBatchPlan plan) =>
        settings.MaxSteps ?? (Math.Ceiling(settings.Epochs * plan.StepsPerEpoch) is <= int.MaxValue and var steps
            ? (int)steps
            : throw new UserInputException($"--num_train_epochs: {settings.Epochs} epochs are too many steps."));

    private static TrainingOptions Options(TrlSettings settings, int steps, int microTokenBudget)
    {
        int warmup = settings.Warmup >= 1 ? (int)settings.Warmup : (int)Math.Ceiling(steps * settings.Warmup);

        // (c + r)^2 = 2 (c^2 + r^2) - (c - r)^2.
        float center = (float)settings.CenterRewards;
        return new TrainingOptions(
            steps, settings.BatchSize * settings.Accumulation, microTokenBudget, settings.LearningRate, settings.WeightDecay,
            settings.Schedule(steps, warmup),
            settings.MaxGradNorm, new PairLossOptions(ScoreRegularization: 2 * center, MarginRegularization: -center), settings.Seed,
            settings.Order)
        {
            RandomSource = RandomSource.Torch,
            DecaysVectors = false,
            Beta1 = settings.Adam.Beta1,
            Beta2 = settings.Adam.Beta2,
            Epsilon = settings.Adam.Epsilon,
            DisablesDropout = !settings.DropoutActs,
            KeepCheckpoints = settings.SaveLimit,
        };
    }

    private static TrainerState Resume(TrlSettings settings, CheckpointStore store, RewardModel model, TrlRecorder recorder)
    {
        if (settings.Resume is not { } named)
        {
            return new TrainerState();
        }

        string folder = named != "true" ? named : store.List() is [var newest, ..] ? newest.Path : throw new UserInputException(
            $"--resume_from_checkpoint: {settings.OutputDir} holds no checkpoint.");
        if (!File.Exists(Path.Combine(folder, TrlOutput.Layout.StateFile)))
        {
            throw new UserInputException(Directory.Exists(folder)
                ? $"--resume_from_checkpoint {folder}: is no checkpoint of btrm's (there is no {TrlOutput.Layout.StateFile}). TRL's own "
                    + $"keep the optimizer as a Python pickle, which is not read."
                : $"--resume_from_checkpoint {folder}: no such folder.");
        }

        TrainerState state = CheckpointStore.Load(folder, model, TrlOutput.Layout);
        recorder.Restore(folder, state);
        store.RemoveAfter(state.Step);
        Console.Error.WriteLine($"Resuming from {folder} (step {state.Step}).");
        return state;
    }

    private static void Finish(TrlSettings settings, RunDirectory run, TrainingSession session, TrainingOutcome outcome)
    {
        if (settings.LoadsBest && outcome.State.Best is { } best
            && session.Store.List().FirstOrDefault(c => c.Step == best.BestStep) is { Path: { } path })
        {
            ChecksumFile.Verify(path);
            ModelFolder.Load(path, session.Model);
            Console.Error.WriteLine($"The best model is that of {path}.");
        }

        TrlOutput.SaveFinal(run, session.Saver);
        ResultFile.Write(run, session.Model, outcome);
        Console.Error.WriteLine($"Model saved to {settings.OutputDir}.");
    }
}
