using Rm.Training.Loop;

namespace Rm.Host.Tests.Training;

/// <summary>Factors against transformers' get_*_schedule functions, written out by hand for a run of 10 steps.</summary>
public sealed class LearningRateScheduleTests
{
    [Theory]
    [InlineData(ScheduleKind.Linear, 4, new[] { 0, 0.25, 0.5, 0.75, 1, 5 / 6.0, 4 / 6.0, 3 / 6.0, 2 / 6.0, 1 / 6.0, 0 })]
    [InlineData(ScheduleKind.ConstantWithWarmup, 4, new[] { 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData(ScheduleKind.Constant, 4, new[] { 1.0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData(ScheduleKind.Cosine, 4, new[] { 0, 0.25, 0.5, 0.75, 1, 0.9330127018922193, 0.75, 0.5, 0.25, 0.0669872981077807, 0 })]
    [InlineData(ScheduleKind.Linear, 0, new[] { 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0 })]
    public void Factors_are_those_of_transformers(ScheduleKind kind, int warmup, double[] factors)
    {
        var schedule = new LearningRateSchedule(kind, warmup, 10);
        for (int step = 0; step < factors.Length; step++)
        {
            Assert.Equal(factors[step], schedule.Factor(step), 1e-12);
        }
    }

    [Theory]
    [InlineData(ScheduleKind.Linear)]
    [InlineData(ScheduleKind.Cosine)]
    public void A_warm_up_as_long_as_the_run_or_longer_only_rises(ScheduleKind kind)
    {
        foreach (int warmup in new[] { 10, 25 })
        {
            var schedule = new LearningRateSchedule(kind, warmup, 10);
            Assert.All(Enumerable.Range(0, 10), step => Assert.Equal((double)step / warmup, schedule.Factor(step), 1e-12));
        }
    }
}
