using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>How a run ended.</summary>
public enum TrainingEnd
{
    /// <summary>All steps done.</summary>
    Completed,

    /// <summary>Patience was used up.</summary>
    EarlyStopped,

    /// <summary>A signal asked for it; a checkpoint is there to resume from.</summary>
    Interrupted,
}

/// <summary>What a run gave.</summary>
/// <param name="End">How it ended.</param>
/// <param name="State">State at the end.</param>
/// <param name="Evaluation">Last evaluation of this session, or null.</param>
/// <param name="CheckpointPath">Checkpoint of an interrupted run.</param>
public sealed record TrainingOutcome(TrainingEnd End, TrainerState State, EvaluationResult? Evaluation, string? CheckpointPath);
