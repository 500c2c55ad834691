using System.CommandLine;
using System.Diagnostics;
using Rm.Host.Data;
using Rm.Host.Hub;
using Rm.Host.Model;
using Rm.Host.Reporting;
using Rm.Host.Training;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Host.Cli;

/// <summary><c>btrm bench</c>: training steps on random weights or a checkpoint, timed.</summary>
internal sealed class BenchCommand
{
    private readonly Option<string?> _shape = new("--shape") { Description = $"Random weights of a shape: {string.Join(", ", ModelShapes.Names)}.", HelpName = "NAME" };
    private readonly Option<string?> _model = new("--model") { Description = "Weights of a checkpoint folder instead.", HelpName = "DIR" };
    private readonly Option<string?> _data = new("--data") { Description = "Rows of chosen_ids and rejected_ids; default: HH-like random lengths.", HelpName = "FILE" };
    private readonly Option<int> _batchSize = new("--batch-size") { Description = "Pairs of a step.", DefaultValueFactory = _ => 4 };
    private readonly Option<int> _budget = new("--micro-token-budget") { Description = "Most packed tokens computed at once.", DefaultValueFactory = _ => 8192 };
    private readonly Option<int> _steps = new("--steps") { Description = "Timed steps.", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _warmup = new("--warmup") { Description = "Steps before the clock starts.", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _rank = new("--lora-rank") { Description = "Rank r on all seven modules; 0 trains all weights.", DefaultValueFactory = _ => 4 };
    private readonly Option<bool> _noPrefixSharing = new("--no-prefix-sharing") { Description = "Compute what both sides begin with twice." };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON line only." };
    private readonly DeviceOptions _device = new();

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("bench", "Measure training throughput.");
        foreach (Option option in new Option[] { _shape, _model, _data, _batchSize, _budget, _steps, _warmup, _rank, _noPrefixSharing, _json })
        {
            command.Options.Add(option);
        }

        _device.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        int batchSize = Positive(result, _batchSize), steps = Positive(result, _steps);
        (string name, ModelConfig config) = (result.GetValue(_shape), result.GetValue(_model)) switch
        {
            ({ } shape, null) => (shape, ModelShapes.Get(shape)),
            (null, { } given) => (given, ModelConfig.Load(ModelResolver.Resolve(given))),
            _ => throw new UserInputException("Give either --shape NAME or --model DIR."),
        };
        int rank = result.GetValue(_rank);
        TrainingScope scope = rank > 0 ? new TrainingScope(new LoraSettings(rank, 32, WeightNames.Modules), false) : TrainingScope.Full;
        IReadOnlyList<PreferencePair> pairs = result.GetValue(_data) is { } file
            ? PairDataset.Load(RowSource.OpenFile(file), new PairTokenizer(null, null, new TextOptions(VocabSize: config.VocabSize))).Pairs
            : BenchPairs.Create(config.VocabSize, batchSize * (steps + Math.Max(0, result.GetValue(_warmup))));
        var options = new TrainingOptions(
            steps, batchSize, Positive(result, _budget), 5e-5, 0.01, new LearningRateSchedule(ScheduleKind.Constant, 0, steps), 1, new PairLossOptions(), 1,
            ExampleOrder.Sequential)
        {
            SharePrefix = !result.GetValue(_noPrefixSharing),
        };
        using IBackend backend = _device.Open(result);
        using RewardModel model = Load(result, backend, config, scope, Extent(options, pairs, Math.Max(0, result.GetValue(_warmup))));
        ModelStart.Initialize(model, null, seed: 1);
        BenchReport report = Measure(model, options, pairs, Math.Max(0, result.GetValue(_warmup)), name, backend);
        if (!result.GetValue(_json))
        {
            report.WriteTable(Console.Error);
        }

        Console.Out.WriteLine(report.ToJson());
        return ExitCodes.Success;
    }

    private static BenchReport Measure(
        RewardModel model, TrainingOptions options, IReadOnlyList<PreferencePair> pairs, int warmup, string name, IBackend backend)
    {
        var planner = new BatchPlanner(pairs, options.BatchSize, options.Order, options.Seed);
        var runner = new StepRunner(model, options);
        var seconds = new List<double>();
        var tokens = new List<long>();
        var packed = new List<long>();
        double startup = 0;
        for (int step = 0; step < warmup + options.Steps; step++)
        {
            long start = Stopwatch.GetTimestamp();
            StepResult result = runner.Run(step, planner.BatchAt(step));
            if (step == 0)
            {
                // From the process's start to the first step's begin.
                startup = (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds - Stopwatch.GetElapsedTime(start).TotalSeconds;
            }

            if (step >= warmup)
            {
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                tokens.Add(result.Tokens);
                packed.Add(result.PackedTokens);
            }
        }

        return new BenchReport(name, backend.Description, model.Config, options, seconds, tokens, packed, startup);
    }

    private static MicroBatchExtent Extent(TrainingOptions options, IReadOnlyList<PreferencePair> pairs, int warmup)
    {
        var planner = new BatchPlanner(pairs, options.BatchSize, options.Order, options.Seed);
        return MicroBatchExtent.Of(
            Enumerable.Range(0, warmup + options.Steps).Select(step => planner.BatchAt(step)), options.MicroTokenBudget, options.SharePrefix);
    }

    private RewardModel Load(ParseResult result, IBackend backend, ModelConfig config, TrainingScope scope, MicroBatchExtent extent)
    {
        // Random weights are uniform numbers of 16 bits, which bfloat16 does not hold.
        string? folder = result.GetValue(_model) is { } given ? ModelResolver.Resolve(given) : null;
        DType type = folder is null ? DType.F32 : ModelSource.Open(folder).WeightType();
        MemoryPlan plan = _device.Plan(result, backend, config, scope, type, extent);
        using CheckpointWeights? weights = folder is null ? null : CheckpointWeights.Open(folder, config);
        IWeightSource source = weights is null ? new RandomWeights(1) : new CheckpointWeightSource(weights);
        var model = new RewardModel(backend, config, source, scope, training: true, plan.Recompute);
        model.ReserveActivations(plan.Activations.Peak);
        return model;
    }

    private static int Positive(ParseResult result, Option<int> option) =>
        result.GetValue(option) >= 1 ? result.GetValue(option) : throw new UserInputException($"{option.Name} must be at least 1.");
}
