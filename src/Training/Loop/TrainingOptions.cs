using Rm.Formats.Rendering;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.RandomNumbers;

namespace Rm.Training.Loop;

/// <summary>Which evaluation figure decides what the best model is.</summary>
public enum BestMetric
{
    /// <summary>eval_accuracy, higher is better.</summary>
    Accuracy,

    /// <summary>eval_loss, lower is better.</summary>
    Loss,
}

/// <summary>Everything about a training run besides model and data.</summary>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="BatchSize">Pairs, or rankings, of a step.</param>
/// <param name="MicroTokenBudget">Most packed tokens of a micro-batch.</param>
/// <param name="LearningRate">Peak learning rate.</param>
/// <param name="WeightDecay">AdamW weight decay.</param>
/// <param name="Schedule">Learning rate over the run.</param>
/// <param name="MaxGradNorm">Clip the gradient's global norm to this; 0 for no clipping.</param>
/// <param name="Loss">Constants of the loss.</param>
/// <param name="Seed">Seed of initialisation, shuffling and dropout.</param>
/// <param name="Order">Order of the pairs.</param>
public sealed record TrainingOptions(
    int Steps, int BatchSize, int MicroTokenBudget, double LearningRate, double WeightDecay, LearningRateSchedule Schedule,
    double MaxGradNorm,
    PairLossOptions Loss, ulong Seed, ExampleOrder Order)
{
    /// <summary>Store what the two sides of a pair begin with once.</summary>
    public bool SharePrefix { get; init; } = true;

    /// <summary>
    /// How the answers of a ranking are compared when a ranking is one example of the loss; null where each of its pairs is one.
    /// </summary>
    public RankingLossKind? RankingLoss { get; init; }

    /// <summary>Factor on the learning rate of everything but the head.</summary>
    public double BackboneLearningRateMultiplier { get; init; } = 1;

    /// <summary>LoRA+: factor on the learning rate of B factors and vectors; null for one rate.</summary>
    public double? LoraPlusRatio { get; init; }

    /// <summary>LoRA+: learning rate of the embedding's factors.</summary>
    public double LoraPlusEmbeddingRate { get; init; } = 1e-6;

    /// <summary>Decay the head only.</summary>
    public bool HeadOnlyWeightDecay { get; init; }

    /// <summary>Whether vectors, which are norms and biases, decay as matrices do.</summary>
    public bool DecaysVectors { get; init; } = true;

    /// <summary>AdamW's decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>AdamW's decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>AdamW's addend in the denominator.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Leave out the dropout that the adapter's settings name.</summary>
    public bool DisablesDropout { get; init; }

    /// <summary>What the start and the order of the pairs are drawn from.</summary>
    public RandomSource RandomSource { get; init; }

    /// <summary>Steps between evaluations; 0 for none before the end.</summary>
    public int EvalEvery { get; init; }

    /// <summary>Evaluate before the first step too.</summary>
    public bool EvalOnStart { get; init; }

    /// <summary>Steps between checkpoints; 0 for none but the last.</summary>
    public int SaveEvery { get; init; }

    /// <summary>Steps between lines of metrics.</summary>
    public int LogEvery { get; init; } = 1;

    /// <summary>Rows whose rewards each evaluation writes to samples.jsonl.</summary>
    public int LogSamples { get; init; }

    /// <summary>Checkpoints to keep; older ones are removed after a newer one is complete.</summary>
    public int KeepCheckpoints { get; init; } = 3;

    /// <summary>Evaluations without improvement after which training stops; 0 for never.</summary>
    public int EarlyStoppingPatience { get; init; }

    /// <summary>Least change that counts as improvement.</summary>
    public double EarlyStoppingMinDelta { get; init; }

    /// <summary>What decides which model is best.</summary>
    public BestMetric BestMetric { get; init; }

    /// <summary>Which of <paramref name="pairs"/> every step takes, where batches run on over the ends of epochs.</summary>
    public BatchPlanner Plan(IReadOnlyList<PreferencePair> pairs) => RankingLoss is null
        ? new BatchPlanner(pairs, BatchSize, Order, Seed, RandomSource)
        : new BatchPlanner(PairGroup.ByRow(pairs), BatchSize, Order, Seed, RandomSource);
}
