namespace Rm.Training.Loop;

/// <summary>Shape of the learning rate over a run, as transformers names them.</summary>
public enum ScheduleKind
{
    /// <summary>Linear warm-up, then half a cosine to zero.</summary>
    Cosine,

    /// <summary>Linear warm-up, then linear decay to zero.</summary>
    Linear,

    /// <summary>Linear warm-up, then constant.</summary>
    ConstantWithWarmup,

    /// <summary>Constant from the first step.</summary>
    Constant,
}

/// <summary>
/// Learning-rate factor per step, equal to transformers' get_*_schedule functions: the first warm-up step has factor 0.
/// </summary>
/// <param name="Kind">Shape.</param>
/// <param name="WarmupSteps">Steps of linear warm-up.</param>
/// <param name="Steps">Steps of the run.</param>
public sealed record LearningRateSchedule(ScheduleKind Kind, int WarmupSteps, int Steps)
{
    /// <summary>Factor on the learning rate of update number <paramref name="step"/>, counted from 0.</summary>
    public double Factor(int step)
    {
        if (Kind == ScheduleKind.Constant)
        {
            return 1;
        }

        if (step < WarmupSteps)
        {
            return (double)step / Math.Max(1, WarmupSteps);
        }

        double progress = (double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps);
        return Kind switch
        {
            ScheduleKind.Cosine => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * progress))),
            ScheduleKind.Linear => Math.Max(0, (double)(Steps - step) / Math.Max(1, Steps - WarmupSteps)),
            _ => 1,
        };
    }
}
