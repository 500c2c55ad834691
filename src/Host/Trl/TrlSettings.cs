using Rm.Training.Batching;
using Rm.Training.Loop;

namespace Rm.Host.Trl;

/// <summary>When something happens: never, every so many steps, at the ends of epochs, or when an evaluation is the best.</summary>
internal enum TrlStrategy
{
    /// <summary>Never.</summary>
    No,

    /// <summary>Every so many steps.</summary>
    Steps,

    /// <summary>At the end of every epoch.</summary>
    Epoch,

    /// <summary>When an evaluation is the best so far.</summary>
    Best,
}

/// <summary>One dataset of a mixture.</summary>
/// <param name="Path">Folder, file, hub's dataset, or the name of a format.</param>
/// <param name="Name">Configuration, or null.</param>
/// <param name="Files">Files of it, or none for those that the split names.</param>
/// <param name="Split">Split, with a slice if any.</param>
/// <param name="Columns">Columns to keep, or null for all.</param>
/// <param name="Fraction">Share of the mixture, or null.</param>
internal sealed record TrlDataset(
    string Path, string? Name, IReadOnlyList<string> Files, string Split, IReadOnlyList<string>? Columns, double? Fraction);

/// <summary>Intervals as they are written: below 1 a share of the steps.</summary>
/// <param name="Strategy">When.</param>
/// <param name="Every">Every so many steps.</param>
internal sealed record TrlInterval(TrlStrategy Strategy, double Every)
{
    /// <summary>The number of steps in a run of <paramref name="steps"/>.</summary>
    public int Of(int steps) => Every < 1 ? (int)Math.Ceiling(steps * Every) : (int)Every;
}

/// <summary>What a <c>trl reward</c> command asks for, checked.</summary>
internal sealed record TrlSettings
{
    /// <summary>Model, with its revision.</summary>
    public required string Model { get; init; }

    /// <summary>The dataset, or null with a mixture.</summary>
    public string? Dataset { get; init; }

    /// <summary>Its configuration.</summary>
    public string? DatasetConfiguration { get; init; }

    /// <summary>Split to train on.</summary>
    public required string TrainSplit { get; init; }

    /// <summary>Split to evaluate on.</summary>
    public required string TestSplit { get; init; }

    /// <summary>The mixture's parts.</summary>
    public required IReadOnlyList<TrlDataset> Mixture { get; init; }

    /// <summary>Rows, or share, of a mixture that make its test split; null for none.</summary>
    public double? TestSplitSize { get; init; }

    /// <summary>Output folder.</summary>
    public required string OutputDir { get; init; }

    /// <summary>Pairs of a small batch.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Pairs of a small batch of an evaluation.</summary>
    public required int EvalBatchSize { get; init; }

    /// <summary>Small batches of a step.</summary>
    public required int Accumulation { get; init; }

    /// <summary>Whether an epoch's short batch is left away.</summary>
    public required bool DropLast { get; init; }

    /// <summary>Epochs.</summary>
    public required double Epochs { get; init; }

    /// <summary>Steps, or null for what the epochs take.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>Peak rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Warm-up in steps, or below 1 as a share of them.</summary>
    public required double Warmup { get; init; }

    /// <summary>The rate over a run of (steps, warm-up steps).</summary>
    public required Func<int, int, LearningRateSchedule> Schedule { get; init; }

    /// <summary>AdamW's decay of weights.</summary>
    public required double WeightDecay { get; init; }

    /// <summary>AdamW's constants.</summary>
    public required (double Beta1, double Beta2, double Epsilon) Adam { get; init; }

    /// <summary>Norm to clip to; 0 for never.</summary>
    public required double MaxGradNorm { get; init; }

    /// <summary>Weight of (chosen + rejected)^2.</summary>
    public required double CenterRewards { get; init; }

    /// <summary>Order of an epoch.</summary>
    public required ExampleOrder Order { get; init; }

    /// <summary>Seed of head and factors.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Seed of the order.</summary>
    public required ulong DataSeed { get; init; }

    /// <summary>Longest side in tokens; 0 for no limit.</summary>
    public required int MaxLength { get; init; }

    /// <summary>What plain texts end in, or null for the tokenizer's.</summary>
    public string? EosToken { get; init; }

    /// <summary>Padding token, or null for the tokenizer's.</summary>
    public string? PadToken { get; init; }

    /// <summary>When a line is printed.</summary>
    public required TrlInterval Logging { get; init; }

    /// <summary>Whether the first step has a line in any case.</summary>
    public required bool LogsFirstStep { get; init; }

    /// <summary>When an evaluation is made.</summary>
    public required TrlInterval Evaluation { get; init; }

    /// <summary>Steps, or epochs, before the first evaluation.</summary>
    public required double EvalDelay { get; init; }

    /// <summary>Evaluate before the first step.</summary>
    public required bool EvalOnStart { get; init; }

    /// <summary>When a checkpoint is saved.</summary>
    public required TrlInterval Saving { get; init; }

    /// <summary>Checkpoints to keep.</summary>
    public required int SaveLimit { get; init; }

    /// <summary>End with the best model.</summary>
    public required bool LoadsBest { get; init; }

    /// <summary>The metric that decides, with eval_ before it; null for none.</summary>
    public string? BestMetric { get; init; }

    /// <summary>Whether its largest value is the best.</summary>
    public required bool HigherIsBetter { get; init; }

    /// <summary>A checkpoint, "true" for the newest, or null.</summary>
    public string? Resume { get; init; }

    /// <summary>Compute on the CPU.</summary>
    public required bool UseCpu { get; init; }

    /// <summary>Write TensorBoard's files.</summary>
    public required bool ToTensorBoard { get; init; }

    /// <summary>Whether TRL would compute in mixed precision.</summary>
    public required bool IsMixedPrecision { get; init; }

    /// <summary>Whether LoRA dropout acts.</summary>
    public required bool DropoutActs { get; init; }

    /// <summary>Words of btrm's own options about what is trained, but for the modules; none without an adapter.</summary>
    public required IReadOnlyList<string> LoraWords { get; init; }

    /// <summary>Modules to adapt, as they were given; none for PEFT's default.</summary>
    public required IReadOnlyList<string> LoraTargets { get; init; }
}
