namespace Rm.Training.Loop;

/// <summary>Every so many steps, and at the end.</summary>
/// <param name="options">Says how many.</param>
internal sealed class StepCalendar(TrainingOptions options) : IRunCalendar
{
    /// <inheritdoc/>
    public bool LogsAt(int step) => step % Math.Max(1, options.LogEvery) == 0 || step == options.Steps;

    /// <inheritdoc/>
    public bool EvaluatesAt(int step) => step == 0 ? options.EvalOnStart : IsMultiple(step, options.EvalEvery) || step == options.Steps;

    /// <inheritdoc/>
    public bool SavesAt(int step, bool improved) => step > 0 && (IsMultiple(step, options.SaveEvery) || step == options.Steps);

    private static bool IsMultiple(int step, int interval) => interval > 0 && step % interval == 0;
}
