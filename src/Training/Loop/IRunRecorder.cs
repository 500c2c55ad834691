using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>
/// Hears of every step and evaluation of a run, in order, and may keep files of its own in the run's checkpoints, from which a resumed run
/// can go on.
/// </summary>
public interface IRunRecorder
{
    /// <summary>A step is done: its number from 1, the epochs gone by, what it gave, and whether a line of metrics is due.</summary>
    void Stepped(int step, double epoch, StepResult result, bool logs);

    /// <summary>An evaluation is done; <paramref name="seconds"/> is what it took.</summary>
    void Evaluated(int step, double epoch, EvaluationResult result, PairRewards rewards, double seconds, bool isBest);

    /// <summary>Files for a checkpoint of the run as it is now.</summary>
    IEnumerable<(string Name, byte[] Content)> CheckpointFiles();
}
