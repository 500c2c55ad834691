using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Hub;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Options;
using Rm.Host.Reporting;
using Rm.Kernels.Checks;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary><c>btrm bench</c>: training steps on random weights or a checkpoint, timed.</summary>
internal sealed class BenchCommand
{
    private const int CpuBatch = 4;
    private const int MostBatch = 65536;

    private static readonly Dictionary<string, BenchLengths> Lengths =
        new(StringComparer.Ordinal) { ["hh"] = BenchLengths.Hh, ["shp"] = BenchLengths.Shp };

    private readonly Option<string?> _shape =
        new("--shape") { Description = $"Random weights of a shape: {string.Join(", ", ModelShapes.Names)}.", HelpName = "NAME" };
    private readonly Option<string?> _model = new("--model") { Description = "Weights of a checkpoint folder instead.", HelpName = "DIR" };
    private readonly Option<string?> _data =
        new("--data") { Description = "Rows of chosen_ids and rejected_ids; default: random pairs.", HelpName = "FILE" };
    private readonly Option<string> _lengths =
        new("--lengths") { Description = "Lengths of random pairs: hh or shp.", DefaultValueFactory = _ => "hh", HelpName = "NAME" };
    private readonly Option<int?> _batchSize =
        new("--batch-size") { Description = "Pairs of a step; default: 4, on a GPU what fills one micro-batch." };
    private readonly Option<int> _budget =
        new("--micro-token-budget") { Description = "Most packed tokens computed at once.", DefaultValueFactory = _ => 8192 };
    private readonly Option<int> _steps = new("--steps") { Description = "Timed steps.", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _warmup = new("--warmup") { Description = "Steps before the clock starts.", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _rank =
        new("--lora-rank") { Description = "Rank r on all seven modules; 0 trains all weights.", DefaultValueFactory = _ => 4 };
    private readonly Option<bool> _noPrefixSharing =
        new("--no-prefix-sharing") { Description = "Compute what both sides begin with twice." };
    private readonly Option<bool> _breakdown =
        new("--breakdown") { Description = "Run as many steps again and time every operation in them." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON line only." };
    private readonly InstrumentOptions _instruments = new(withMetrics: false);
    private readonly DeviceOptions _device = new();

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("bench", "Measure training throughput.");
        foreach (Option option in new Option[]
                 {
                     _shape, _model, _data, _lengths, _batchSize, _budget, _steps, _warmup, _rank, _noPrefixSharing, _breakdown, _json,
                 })
        {
            command.Options.Add(option);
        }

        _instruments.AddTo(command);
        _device.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        int steps = Positive(_steps, result.GetValue(_steps)), budget = Positive(_budget, result.GetValue(_budget));
        int? asked = result.GetValue(_batchSize) is { } size ? Positive(_batchSize, size) : null;
        int warmup = Math.Max(0, result.GetValue(_warmup)), rank = result.GetValue(_rank);
        (string name, ModelConfig config) = (result.GetValue(_shape), result.GetValue(_model)) switch
        {
            ({ } shape, null) => (shape, ModelShapes.Get(shape)),
            (null, { } given) => (given, ModelConfig.Load(ModelResolver.Resolve(given))),
            _ => throw new UserInputException("Give either --shape NAME or --model DIR."),
        };
        _instruments.Check(result);
        IEnumerable<PreferencePair> source = Pairs(result, config);
        TrainingScope scope = rank > 0 ? new TrainingScope(new LoraSettings(rank, 32, config.Modules), false) : TrainingScope.Full;
        using IBackend device = _device.Open(result);
        bool share = !result.GetValue(_noPrefixSharing), breakdown = result.GetValue(_breakdown);
        int batch = asked ?? (device is CudaBackend && !CudaDevices.IsEmulated ? Filling(source, budget, share) : CpuBatch);
        IReadOnlyList<PreferencePair> pairs = [.. source.Take((int)Math.Min(int.MaxValue, (long)batch * (steps + warmup)))];
        var options = new TrainingOptions(
            steps, batch, budget, 5e-5, 0.01, new LearningRateSchedule(ScheduleKind.Constant, 0, steps), 1, new PairLossOptions(), 1,
            ExampleOrder.Sequential)
        {
            SharePrefix = share,
        };
        using var timer = new OperationTimer(device);
        using var observed = new ObservedBackend(device, timer);
        using RewardModel model = Load(result, breakdown ? observed : device, config, scope, Extent(options, pairs, warmup));
        ModelStart.Initialize(model, null, seed: 1);
        using StepInstruments instruments = _instruments.Start(result, device);
        var setup = new BenchSetup
        {
            Shape = name,
            Device = device.Description,
            Batch = batch,
            MicroTokenBudget = budget,
            LoraRank = rank,
            Recompute = model.Recompute.ToString().ToLowerInvariant(),
            Lengths = result.GetValue(_data) ?? result.GetValue(_lengths)!,
            SharePrefix = share,
            Warmup = warmup,
            Peak = device is CudaBackend gpu ? TensorPeak.Of(gpu.DeviceName) : null,
        };
        BenchReport report = new BenchRun(model, options, pairs, instruments).Measure(setup, device, breakdown ? timer : null);
        if (!result.GetValue(_json))
        {
            report.WriteTable(Console.Error);
        }

        Console.Out.WriteLine(report.ToJson());
        return ExitCodes.Success;
    }

    private IEnumerable<PreferencePair> Pairs(ParseResult result, ModelConfig config)
    {
        string lengths = result.GetValue(_lengths)!;
        if (!Lengths.TryGetValue(lengths, out BenchLengths known))
        {
            throw new UserInputException($"{_lengths.Name} '{lengths}' is not known. Choose one of: {string.Join(", ", Lengths.Keys)}.");
        }

        if (result.GetValue(_data) is not { } file)
        {
            return BenchPairs.Create(config.VocabSize, known);
        }

        var tokenizer = new PairTokenizer(null, null, new TextOptions(VocabSize: config.VocabSize));
        var data = PairDataset.Load(RowSource.OpenFile(file), tokenizer);
        data.RequirePairs("the benchmark");
        return data.Pairs;
    }

    // As many of the first pairs as one micro-batch takes.
    private static int Filling(IEnumerable<PreferencePair> pairs, int budget, bool sharePrefix)
    {
        long tokens = 0;
        return Math.Max(1, pairs.Take(MostBatch).TakeWhile(pair => (tokens += pair.PackedTokens(sharePrefix)) <= budget).Count());
    }

    private static MicroBatchExtent Extent(TrainingOptions options, IReadOnlyList<PreferencePair> pairs, int warmup)
    {
        var planner = new BatchPlanner(pairs, options.BatchSize, options.Order, options.Seed);
        return MicroBatchExtent.Of(
            Enumerable.Range(0, warmup + options.Steps).Select(step => PairGroup.Each(planner.BatchAt(step))), options.MicroTokenBudget,
            options.SharePrefix);
    }

    private RewardModel Load(ParseResult result, IBackend backend, ModelConfig config, TrainingScope scope, MicroBatchExtent extent)
    {
        // Random weights are uniform numbers of 16 bits, which bfloat16 does not hold.
        string? folder = result.GetValue(_model) is { } given ? ModelResolver.Resolve(given) : null;
        DType type = folder is null ? DType.F32 : ModelSource.Open(folder).WeightType();
        MemoryPlan plan = _device.Plan(result, backend, config, scope, type, forms: null, extent);
        using CheckpointWeights? weights = folder is null ? null : CheckpointWeights.Open(folder, config);
        IWeightSource source = weights is null ? new RandomWeights(1) : new CheckpointWeightSource(weights);
        var model = new RewardModel(backend, config, source, scope, training: true, plan.Recompute);
        model.ReserveActivations(plan.Activations.Peak);
        return model;
    }

    private static int Positive(Option option, int value) =>
        value >= 1 ? value : throw new UserInputException($"{option.Name} must be at least 1.");
}
