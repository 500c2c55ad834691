namespace Rm.Training.Loop;

/// <summary>After which steps a run writes a line of metrics, evaluates and saves. Steps count from 1; 0 is the start.</summary>
public interface IRunCalendar
{
    /// <summary>Whether a line of metrics is due after a step.</summary>
    bool LogsAt(int step);

    /// <summary>Whether an evaluation is due after a step.</summary>
    bool EvaluatesAt(int step);

    /// <summary>Whether a checkpoint is due after a step; <paramref name="improved"/>: its evaluation was the best so far.</summary>
    bool SavesAt(int step, bool improved);
}
