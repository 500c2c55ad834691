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

    /// <summary>Linear warm-up, then several half cosines, each from the peak.</summary>
    CosineWithRestarts,

    /// <summary>Linear warm-up, then a power of what is left of the run, down to a rate.</summary>
    Polynomial,

    /// <summary>Linear warm-up, then 1 / sqrt(steps).</summary>
    InverseSqrt,

    /// <summary>Linear warm-up, then half a cosine to a least rate.</summary>
    CosineWithMinLr,

    /// <summary>The same with a warm-up whose first step has a rate above zero.</summary>
    CosineWarmupWithMinLr,

    /// <summary>Warm-up, constant, decay.</summary>
    WarmupStableDecay,
}

/// <summary>Shape of a warm-up or a decay of <see cref="ScheduleKind.WarmupStableDecay"/>.</summary>
public enum RampShape
{
    /// <summary>A straight line.</summary>
    Linear,

    /// <summary>A cosine.</summary>
    Cosine,

    /// <summary>1 - sqrt.</summary>
    OneMinusSqrt,
}

/// <summary>What schedules take beside their steps; each has its own use of some of these.</summary>
public sealed record ScheduleConstants
{
    /// <summary>Waves of a cosine, or number of restarts; null for the schedule's own: half a wave, one restart.</summary>
    public double? Cycles { get; init; }

    /// <summary>Least rate as a share of the peak.</summary>
    public double LeastFactor { get; init; }

    /// <summary>Peak rate of a polynomial.</summary>
    public double PeakRate { get; init; } = 1;

    /// <summary>Rate at the end of a polynomial.</summary>
    public double EndRate { get; init; }

    /// <summary>Power of a polynomial.</summary>
    public double Power { get; init; } = 1;

    /// <summary>Steps in which an inverse square root falls to 1 / sqrt(2); null for the warm-up's, or 10,000 without one.</summary>
    public int? Timescale { get; init; }

    /// <summary>Factor of the first step of a warm-up that does not begin at zero; null for one over its steps.</summary>
    public double? WarmupStart { get; init; }

    /// <summary>Steps at the peak; null for all that warm-up and decay leave.</summary>
    public int? StableSteps { get; init; }

    /// <summary>Steps of the decay.</summary>
    public int DecaySteps { get; init; }

    /// <summary>Shape of the warm-up.</summary>
    public RampShape Warmup { get; init; }

    /// <summary>Shape of the decay.</summary>
    public RampShape Decay { get; init; } = RampShape.Cosine;
}

/// <summary>
/// Learning-rate factor per step, equal to transformers' get_*_schedule functions: the first warm-up step has factor 0.
/// </summary>
/// <param name="Kind">Shape.</param>
/// <param name="WarmupSteps">Steps of linear warm-up.</param>
/// <param name="Steps">Steps of the run.</param>
public sealed record LearningRateSchedule(ScheduleKind Kind, int WarmupSteps, int Steps)
{
    /// <summary>What the shape takes beside.</summary>
    public ScheduleConstants Constants { get; init; } = new();

    /// <summary>Factor on the learning rate of update number <paramref name="step"/>, counted from 0.</summary>
    public double Factor(int step) => Kind switch
    {
        ScheduleKind.Constant => 1,
        ScheduleKind.CosineWarmupWithMinLr => RaisedWarmup(step),
        ScheduleKind.WarmupStableDecay => Stable(step),
        _ when step < WarmupSteps => (double)step / Math.Max(1, WarmupSteps),
        ScheduleKind.ConstantWithWarmup => 1,
        ScheduleKind.Linear => Math.Max(0, (double)(Steps - step) / Math.Max(1, Steps - WarmupSteps)),
        ScheduleKind.InverseSqrt => InverseSqrt(step),
        ScheduleKind.Polynomial => Polynomial(step),
        ScheduleKind.CosineWithRestarts => Restarts(Progress(step)),
        _ => Math.Max(0, AboveLeast(Wave(Progress(step)))),
    };

    private double Progress(int step) => (double)(step - WarmupSteps) / Math.Max(1, Steps - WarmupSteps);

    // The order of the factors is transformers': it decides the last bit.
    private double Wave(double progress) => 0.5 * (1 + Math.Cos(Math.PI * (Constants.Cycles ?? 0.5) * 2 * progress));

    private double AboveLeast(double factor) =>
        Constants.LeastFactor == 0 ? factor : (factor * (1 - Constants.LeastFactor)) + Constants.LeastFactor;

    private double Restarts(double progress) =>
        progress >= 1 ? 0 : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * ((Constants.Cycles ?? 1) * progress % 1))));

    private double Polynomial(int step)
    {
        double left = 1 - ((double)(step - WarmupSteps) / (Steps - WarmupSteps));
        double rate = step > Steps
            ? Constants.EndRate
            : ((Constants.PeakRate - Constants.EndRate) * Math.Pow(left, Constants.Power)) + Constants.EndRate;
        return rate / Constants.PeakRate;
    }

    private double InverseSqrt(int step)
    {
        int timescale = Constants.Timescale ?? (WarmupSteps > 0 ? WarmupSteps : 10_000);
        return 1 / Math.Sqrt((double)(step + (timescale - WarmupSteps)) / timescale);
    }

    private double RaisedWarmup(int step)
    {
        if (step < WarmupSteps)
        {
            return Constants.WarmupStart is { } start
                ? start + ((1 - start) * step / Math.Max(1, WarmupSteps - 1))
                : (step + 1.0) / Math.Max(1, WarmupSteps);
        }

        double progress = (step - WarmupSteps + 1.0) / Math.Max(1, Steps - WarmupSteps);
        return Math.Max(0, AboveLeast(Wave(progress)));
    }

    private double Stable(int step)
    {
        int stable = Constants.StableSteps ?? (Steps - WarmupSteps - Constants.DecaySteps);
        if (step < WarmupSteps)
        {
            double progress = (double)step / Math.Max(1, WarmupSteps);
            return Math.Max(0, AboveLeast(Constants.Warmup switch
            {
                RampShape.Linear => progress,
                RampShape.Cosine => 0.5 * (1 - Math.Cos(Math.PI * progress)),
                _ => 1 - Math.Sqrt(1 - progress),
            }));
        }

        if (step < WarmupSteps + stable)
        {
            return 1;
        }

        if (step >= WarmupSteps + stable + Constants.DecaySteps)
        {
            return Constants.LeastFactor;
        }

        double decayed = (double)(step - WarmupSteps - stable) / Math.Max(1, Constants.DecaySteps);
        return Math.Max(0, AboveLeast(Constants.Decay switch
        {
            RampShape.Linear => 1 - decayed,
            RampShape.Cosine => Wave(decayed),
            _ => 1 - Math.Sqrt(decayed),
        }));
    }
}
