using System.CommandLine;
using Rm.Formats.Datasets;
using Rm.Host.Options;
using Rm.Host.Reporting;
using Rm.Host.Reporting.TensorBoard;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Sessions;

/// <summary>
/// A training run on its device: memory planned, model loaded and started, checkpoints found. Nothing in the output folder changes before
/// <see cref="Begin"/>.
/// </summary>
internal sealed class TrainingSession : IDisposable
{
    private readonly SessionSetup _setup;
    private readonly RunDirectory _run;
    private readonly MemoryPlan _plan;
    private readonly IBatchPlan _batches;
    private readonly string _weights;

    /// <summary>Opens the device and the model.</summary>
    public TrainingSession(SessionSetup setup, RunDirectory run, DeviceOptions device, ParseResult result)
    {
        (_setup, _run) = (setup, run);
        TrainingOptions options = setup.Options;
        _batches = setup.Plan ?? options.Plan(setup.Train.Pairs);
        _weights = WeightsFingerprint.Of(setup.Source.Folder);
        Backend = device.Open(result, setup.PrefersCpu);
        try
        {
            _plan = device.Plan(
                result, Backend, setup.Source.Config, setup.Scope, setup.Source.WeightType(), setup.Source.Rehearsed(), TrainingExtent(),
                setup.Eval is null
                    ? null
                    : MicroBatchExtent.Of(
                        [ScoringPairs.Of(setup.Eval.Pairs, options.MicroTokenBudget, options.SharePrefix)], options.MicroTokenBudget,
                        options.SharePrefix));
            Model = setup.Source.Load(Backend, setup.Scope, training: true, _plan.Recompute);
        }
        catch
        {
            Backend.Dispose();
            throw;
        }

        Model.ReserveActivations(_plan.Activations.Peak);
        ModelStart.Initialize(Model, setup.InitAdapter, options.Seed, options.RandomSource);
        Saver = new ModelSaver(Model, setup.Source.Name, setup.Source.Folder, setup.Artifact, Probe(setup.Eval ?? setup.Train))
        {
            AlwaysSavesTokenizer = setup.SavesTokenizer,
            PadTokenId = setup.PadTokenId,
        };
        Store = new CheckpointStore(run.Checkpoints, Saver, run.Layout);
    }

    /// <summary>Device.</summary>
    public IBackend Backend { get; }

    /// <summary>Model, opened for training.</summary>
    public RewardModel Model { get; }

    /// <summary>Saves the model.</summary>
    public ModelSaver Saver { get; }

    /// <summary>Checkpoints.</summary>
    public CheckpointStore Store { get; }

    /// <summary>Where the run begins.</summary>
    public TrainerState State { get; private set; } = new();

    /// <summary>Prepares the folder, restores what <paramref name="resume"/> finds, and writes run.json.</summary>
    /// <param name="resumes">Whether an earlier run is to go on, which must have had the same settings and pairs.</param>
    /// <param name="resume">Restores a checkpoint into the model and gives its state, a fresh one without.</param>
    public void Begin(bool resumes, Func<CheckpointStore, TrainerState> resume)
    {
        if (resumes)
        {
            new EarlierRun(_run.RunFile).RequireSame(
                _setup.Settings, TrainArguments.Defaults, _weights, _setup.Train.Fingerprint, _setup.Eval?.Fingerprint);
        }

        _run.Prepare();
        State = resume(Store);
        if (State.Step == 0 || !File.Exists(_run.RunFile))
        {
            RunFile.Write(
                _run, _setup.Settings, _setup.Preset, Backend, _setup.Source.Name, _setup.Source.Folder, _weights, Model, _plan,
                _setup.Train, _setup.Eval,
                _setup.Report);
        }
    }

    /// <summary>What the trainer works on.</summary>
    public TrainingJob Job(StepInstruments instruments, TensorBoardLog? board) =>
        new(Model, _setup.Options, _run, Store, _setup.Train.Pairs, _setup.Eval?.Pairs ?? [], Saver, _setup.Source.Tokenizer)
        {
            Plan = _batches,
            Instruments = instruments,
            MetricsWritten = board is null ? null : board.Metrics,
        };

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Backend.Dispose();
    }

    // The order of the pairs is known, so every micro-batch of the run is.
    private MicroBatchExtent TrainingExtent() => MicroBatchExtent.Of(
        Enumerable.Range(0, _setup.Options.Steps).Select(step => _batches.BatchAt(step).Groups), _setup.Options.MicroTokenBudget,
        _setup.Options.SharePrefix);

    // The shortest pair costs least to score at every save.
    private static SequenceLayout Probe(PairDataset data) =>
        PairPacking.Pack([data.Pairs.MinBy(p => p.PackedTokens(sharePrefix: true))!], sharePrefix: true);
}
