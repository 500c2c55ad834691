namespace Rm.Host.Experiments;

/// <summary>What the user says about the job array.</summary>
/// <param name="Time">Time limit of a task as sbatch takes it, or null for the cluster's own.</param>
/// <param name="SignalSeconds">Seconds before the limit at which the run is told to write a checkpoint.</param>
/// <param name="Arguments">Further options of sbatch, as one line; null for none.</param>
/// <param name="Throttle">Most tasks that run at a time; null for no limit.</param>
internal sealed record SlurmOptions(string? Time, int SignalSeconds, string? Arguments, int? Throttle);
