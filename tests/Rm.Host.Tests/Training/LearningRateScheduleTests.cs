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

    /// <summary>Factors that transformers 5.12's get_scheduler gave for 10 steps with 3 of warm-up, and one beyond.</summary>
    public static TheoryData<ScheduleKind, ScheduleConstants, double[]> OfTransformers => new()
    {
        {
            ScheduleKind.CosineWithRestarts, new ScheduleConstants { Cycles = 3 },
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 0.6112604669781572, 0.04951556604879048,
                0.8117449009293669, 0.18825509907063342, 0.9504844339512096, 0.3887395330218433, 0.0]
        },
        {
            ScheduleKind.Polynomial, new ScheduleConstants { PeakRate = 1e-3, EndRate = 1e-4, Power = 2 },
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 0.7612244897959186, 0.5591836734693878,
                0.3938775510204081, 0.26530612244897966, 0.17346938775510204, 0.11836734693877553, 0.1]
        },
        {
            ScheduleKind.InverseSqrt, new ScheduleConstants(),
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 0.8660254037844387, 0.7745966692414834,
                0.7071067811865475, 0.6546536707079771, 0.6123724356957945, 0.5773502691896258, 0.5477225575051661]
        },
        {
            ScheduleKind.InverseSqrt, new ScheduleConstants { Timescale = 5 },
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 0.9128709291752769, 0.8451542547285166,
                0.7905694150420948, 0.7453559924999299, 0.7071067811865475, 0.674199862463242, 0.6454972243679028]
        },
        {
            ScheduleKind.CosineWithMinLr, new ScheduleConstants { LeastFactor = 0.2 },
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 0.9603875471609677, 0.8493959207434936,
                0.6890083735825258, 0.5109916264174743, 0.3506040792565066, 0.2396124528390324, 0.2]
        },
        {
            ScheduleKind.CosineWithMinLr, new ScheduleConstants { LeastFactor = 0.1, Cycles = 1 },
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 0.8305704108364301, 0.44986557971965857,
                0.14456400944391146, 0.1445640094439114, 0.44986557971965846, 0.83057041083643, 1.0]
        },
        {
            ScheduleKind.CosineWarmupWithMinLr, new ScheduleConstants { LeastFactor = 0.1 },
            [0.3333333333333333, 0.6666666666666666, 1.0, 0.9554359905560885, 0.8305704108364301, 0.6501344202803414,
                0.44986557971965857, 0.26942958916356996, 0.14456400944391146, 0.1, 0.1445640094439114]
        },
        {
            ScheduleKind.CosineWarmupWithMinLr, new ScheduleConstants { LeastFactor = 0.1, WarmupStart = 0.2 },
            [0.2, 0.6000000000000001, 1.0, 0.9554359905560885, 0.8305704108364301, 0.6501344202803414,
                0.44986557971965857, 0.26942958916356996, 0.14456400944391146, 0.1, 0.1445640094439114]
        },
        {
            ScheduleKind.WarmupStableDecay, new ScheduleConstants { DecaySteps = 4 },
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 1.0, 1.0,
                1.0, 0.8535533905932737, 0.5, 0.14644660940672627, 0]
        },
        {
            ScheduleKind.WarmupStableDecay, new ScheduleConstants { DecaySteps = 3, StableSteps = 2, Warmup = RampShape.Cosine,
                Decay = RampShape.OneMinusSqrt, LeastFactor = 0.05 },
            [0.05, 0.2874999999999999, 0.7625, 1.0, 1.0, 1.0,
                0.4515172442698555, 0.22432824811866026, 0.05, 0.05, 0.05]
        },
        {
            ScheduleKind.WarmupStableDecay,
                new ScheduleConstants { DecaySteps = 4, Warmup = RampShape.OneMinusSqrt, Decay = RampShape.Linear },
            [0.0, 0.18350341907227397, 0.42264973081037416, 1.0, 1.0, 1.0,
                1.0, 0.75, 0.5, 0.25, 0]
        },
        {
            ScheduleKind.Cosine, new ScheduleConstants { Cycles = 1.5 },
            [0.0, 0.3333333333333333, 0.6666666666666666, 1.0, 0.6112604669781572, 0.04951556604879048,
                0.18825509907063315, 0.8117449009293667, 0.9504844339512096, 0.38873953302184294, 0]
        },
    };

    [Theory]
    [MemberData(nameof(OfTransformers))]
    public void Schedules_with_arguments_are_those_of_transformers(ScheduleKind kind, ScheduleConstants constants, double[] factors)
    {
        var schedule = new LearningRateSchedule(kind, 3, 10) { Constants = constants };
        Assert.Equal(factors, Enumerable.Range(0, factors.Length).Select(schedule.Factor), (expected, actual) =>
            Math.Abs(expected - actual) <= 2e-16);
    }
}
