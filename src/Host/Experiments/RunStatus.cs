namespace Rm.Host.Experiments;

/// <summary>How far a run of a sweep is.</summary>
internal enum RunStatus
{
    /// <summary>Nothing has been done.</summary>
    Missing,

    /// <summary>Waits in Slurm's queue.</summary>
    Queued,

    /// <summary>A process is at it.</summary>
    Running,

    /// <summary>Began, and was stopped by a signal or with its machine; it can go on from its newest checkpoint.</summary>
    Stopped,

    /// <summary>Ended with an error.</summary>
    Failed,

    /// <summary>Has its result.</summary>
    Finished,
}
