using Rm.Formats.Datasets;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Sessions;

/// <summary>What a command has found out before a training run takes hold of a device.</summary>
/// <param name="Source">The checkpoint.</param>
/// <param name="Scope">What is trained.</param>
/// <param name="Train">Training pairs.</param>
/// <param name="Eval">Evaluation pairs, or null.</param>
/// <param name="Report">What became of the rows.</param>
/// <param name="Options">Settings.</param>
/// <param name="Settings">
/// What decides the run's figures, by the command's names, as run.json keeps it and a resumed run must have it again.
/// </param>
internal sealed record SessionSetup(
    ModelSource Source, TrainingScope Scope, PairDataset Train, PairDataset? Eval, DataReport Report, TrainingOptions Options,
    IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>What the saved model tells of its training.</summary>
    public required ArtifactInfo Artifact { get; init; }

    /// <summary>Which pairs every step takes; null for batches that run on over the ends of epochs.</summary>
    public IBatchPlan? Plan { get; init; }

    /// <summary>Preset that the settings come from, or null.</summary>
    public string? Preset { get; init; }

    /// <summary>Adapter to start from, or null.</summary>
    public string? InitAdapter { get; init; }

    /// <summary>Compute on the CPU where the command line names no device.</summary>
    public bool PrefersCpu { get; init; }

    /// <summary>Whether an adapter's folder gets the tokenizer's files too.</summary>
    public bool SavesTokenizer { get; init; }

    /// <summary>Padding token for a whole model's config.json; null keeps the base's.</summary>
    public int? PadTokenId { get; init; }
}
