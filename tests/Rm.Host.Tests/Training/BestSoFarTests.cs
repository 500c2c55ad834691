using Rm.Training.Loop;

namespace Rm.Host.Tests.Training;

public sealed class BestSoFarTests
{
    [Theory]
    [InlineData(BestMetric.Accuracy, 0.0, new[] { 0.5, 0.5, 0.6, 0.4, 0.6, 0.61 }, new[] { true, false, true, false, false, true })]
    [InlineData(BestMetric.Loss, 0.0, new[] { 0.5, 0.5, 0.6, 0.4, 0.4, 0.39 }, new[] { true, false, false, true, false, true })]
    [InlineData(BestMetric.Accuracy, 0.05, new[] { 0.5, 0.54, 0.56, 0.6 }, new[] { true, false, true, false })]
    [InlineData(BestMetric.Loss, 0.25, new[] { 1.0, 0.75, 0.5, 0.26 }, new[] { true, false, true, false })]
    public void Only_a_strict_improvement_beyond_the_delta_counts(BestMetric metric, double minDelta, double[] values, bool[] improvements)
    {
        var state = new BestSoFar();
        for (int i = 0; i < values.Length; i++)
        {
            (state, bool improved) = state.After(values[i], 10 * i, metric == BestMetric.Accuracy, minDelta);
            Assert.Equal(improvements[i], improved);
            Assert.Equal(improved, state.BestStep == 10 * i && state.EvaluationsSinceBest == 0);
        }
    }

    [Fact]
    public void Patience_counts_evaluations_since_the_best_and_starts_anew_with_a_better_one()
    {
        var state = new BestSoFar();
        bool[] exhausted = [.. new[] { 0.5, 0.4, 0.6, 0.5, 0.6, 0.1 }.Select((value, i) =>
        {
            (state, _) = state.After(value, i, higherIsBetter: true, 0);
            return state.IsExhausted(patience: 2);
        })];
        Assert.Equal([false, false, false, false, true, true], exhausted);
        Assert.False(state.IsExhausted(patience: 0));
        Assert.Equal((0.6, 2, 3), (state.BestValue, state.BestStep, state.EvaluationsSinceBest));
    }
}
