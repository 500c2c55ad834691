using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>How a run stands.</summary>
public enum RunCompletion
{
    /// <summary>It took all its steps.</summary>
    Completed,

    /// <summary>Early stopping ended it.</summary>
    EarlyStopped,

    /// <summary>It is still running, was interrupted or failed.</summary>
    Unfinished,

    /// <summary>Its files cannot be read.</summary>
    Broken,

    /// <summary>Not a run: a file of evaluation rows.</summary>
    RowsOnly,
}

/// <summary>What is known of a run before anything is computed.</summary>
/// <param name="Name">Name, unique in an analysis.</param>
/// <param name="Path">Folder of the run, or file of rows.</param>
/// <param name="State">How it stands.</param>
public sealed record RunInput(string Name, string Path, RunCompletion State)
{
    /// <summary>Why it is broken; null otherwise.</summary>
    public string? Problem { get; init; }

    /// <summary>Settings of run.json.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>SHA-256 of the training pairs, where run.json has it.</summary>
    public string? TrainPairs { get; init; }

    /// <summary>SHA-256 of the evaluation pairs, where run.json has it.</summary>
    public string? EvalPairs { get; init; }

    /// <summary>Last step that metrics.jsonl or result.json tells of.</summary>
    public int? Step { get; init; }

    /// <summary>Step of the best evaluation by the run's own metric.</summary>
    public int? BestStep { get; init; }

    /// <summary>Evaluations in order of their steps.</summary>
    public IReadOnlyList<EvaluationPoint> Evaluations { get; init; } = [];

    /// <summary>Rows of the best model; null where they were not kept.</summary>
    public IReadOnlyList<EvalRow>? BestRows { get; init; }

    /// <summary>Rows of the last evaluation; null where they were not kept.</summary>
    public IReadOnlyList<EvalRow>? FinalRows { get; init; }
}
