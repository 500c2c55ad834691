using Rm.Formats.Rendering;
using Rm.Formats.Tokenization;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Loop;

/// <summary>Everything that a training run works on.</summary>
/// <param name="Model">Model, opened for training.</param>
/// <param name="Options">Settings.</param>
/// <param name="Run">Output directory.</param>
/// <param name="Store">Checkpoints.</param>
/// <param name="TrainPairs">Training pairs, at least one.</param>
/// <param name="EvalPairs">Evaluation pairs; none for no evaluation.</param>
/// <param name="Saver">Saves the model into a folder, verified.</param>
/// <param name="Encoder">Tokenizer for samples, or null when rows are token ids.</param>
public sealed record TrainingJob(
    RewardModel Model, TrainingOptions Options, RunDirectory Run, CheckpointStore Store, IReadOnlyList<PreferencePair> TrainPairs,
    IReadOnlyList<PreferencePair> EvalPairs, ModelSaver Saver, ITextEncoder? Encoder)
{
    /// <summary>Hears of every line of metrics.jsonl once it is in the file, as UTF-8; null for nobody.</summary>
    public Action<ReadOnlyMemory<byte>>? MetricsWritten { get; init; }

    /// <summary>Which pairs every step takes; null for batches that run on over the ends of epochs.</summary>
    public IBatchPlan? Plan { get; init; }

    /// <summary>When the run logs, evaluates and saves; null for every so many steps.</summary>
    public IRunCalendar? Calendar { get; init; }

    /// <summary>What decides which model is best, whose checkpoint then stays; null for the options' metric.</summary>
    public BestCriterion? Best { get; init; }

    /// <summary>Hears of every step, or null.</summary>
    public IRunRecorder? Recorder { get; init; }

    /// <summary>What watches the steps, or null.</summary>
    public IStepInstruments? Instruments { get; init; }
}
