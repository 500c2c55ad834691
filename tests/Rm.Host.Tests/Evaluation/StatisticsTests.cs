using Rm.Formats.Rendering;
using Rm.Kernels.Ops;
using Rm.Training.Evaluation;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Evaluation;

/// <summary>Statistics against numbers computed elsewhere: by hand, from the definitions in Python, or published.</summary>
public sealed class StatisticsTests
{
    // From the closed form with exact rational arithmetic in Python; 8 of 10 is the textbook example 0.490 to 0.943.
    [Theory]
    [InlineData(8, 10, 0.4901624715366, 0.9433178485456)]
    [InlineData(0, 10, 0.0, 0.2775327998628)]
    [InlineData(10, 10, 0.7224672001371, 1.0)]
    [InlineData(50, 100, 0.4038315303659, 0.5961684696340)]
    [InlineData(1, 1, 0.2065493143772, 1.0)]
    public void Wilson_interval(int successes, int trials, double low, double high)
    {
        (double l, double h) = WilsonInterval.Of(successes, trials);
        Assert.Equal(low, l, 1e-10);
        Assert.Equal(high, h, 1e-10);
    }

    [Fact]
    public void Calibration_error_is_the_weighted_distance_of_confidence_and_accuracy()
    {
        // sigmoid(ln 3) = 0.75: three of four right is perfectly calibrated, four of four is off by 0.25, one of four by 0.5.
        double g = Math.Log(3);
        Assert.Equal(0, CalibrationError.Of([g, g, g, -g]), 1e-12);
        Assert.Equal(0.25, CalibrationError.Of([g, g, g, g]), 1e-12);
        Assert.Equal(0.5, CalibrationError.Of([g, -g, -g, -g]), 1e-12);

        // Two bins: sigmoid(ln 3) = 0.75 (right) and sigmoid(ln 9) = 0.9 (wrong): (0.25 + 0.9) / 2.
        Assert.Equal(0.575, CalibrationError.Of([g, -Math.Log(9)]), 1e-12);

        // Ties are half right at confidence one half; certainty belongs to the last bin.
        Assert.Equal(0, CalibrationError.Of([0, 0]), 1e-12);
        Assert.Equal(0, CalibrationError.Of([1e6, 1e300]), 1e-12);
        Assert.Equal(1, CalibrationError.Of([-1e6]), 1e-12);
    }

    [Fact]
    public void Correlation_is_that_of_Pearson()
    {
        // statistics.correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 7]) of Python.
        Assert.Equal(0.8241633836921342, PearsonCorrelation.Of([1, 2, 3, 4, 5], [2, 1, 4, 3, 7])!.Value, 1e-12);
        Assert.Equal(1, PearsonCorrelation.Of([1, 2, 3], [10, 20, 30])!.Value, 1e-12);
        Assert.Equal(-1, PearsonCorrelation.Of([1, 2, 3], [3, 2, 1])!.Value, 1e-12);
        Assert.Null(PearsonCorrelation.Of([1, 1, 1], [1, 2, 3]));
        Assert.Null(PearsonCorrelation.Of([1, 2, 3], [5, 5, 5]));
    }

    [Fact]
    public void Loss_of_a_pair_is_the_formula_and_does_not_overflow()
    {
        // -log(sigmoid(1)) = 0.31326168751822286, -log(sigmoid(-1)) = 1.3132616875182228 (Python, math.log1p).
        Assert.Equal(0.31326168751822286, BradleyTerryLoss.Of(1.5, 0.5, 0, new PairLossOptions()), 1e-14);
        double smoothed = (0.95 * 0.31326168751822286) + (0.05 * 1.3132616875182228);
        Assert.Equal(smoothed, BradleyTerryLoss.Of(1.5, 0.5, 0, new PairLossOptions(1, 0.05f, 0, 0)), 1e-8);
        Assert.Equal(smoothed + (0.1 * 2.5) + 0.01, BradleyTerryLoss.Of(1.5, 0.5, 0, new PairLossOptions(1, 0.05f, 0.1f, 0.01f)), 1e-7);

        // beta * d - margin: 2 * 1 - 1 = 1.
        Assert.Equal(0.31326168751822286, BradleyTerryLoss.Of(1.5, 0.5, 1, new PairLossOptions(2, 0, 0, 0)), 1e-14);
        Assert.Equal(2000, BradleyTerryLoss.Of(-1000, 1000, 0, new PairLossOptions()), 1e-9);
        Assert.Equal(0, BradleyTerryLoss.Of(1000, -1000, 0, new PairLossOptions()), 1e-300);
    }

    [Fact]
    public void An_evaluation_counts_by_hand()
    {
        PreferencePair[] pairs =
            [.. new[] { (4, 2), (2, 4), (3, 3), (5, 1) }.Select((p, i) => PreferencePair.FromIds(new int[p.Item1], new int[p.Item2], i))];
        var rewards = new PairRewards(4);
        rewards.Add(1, 0);
        rewards.Add(0, 2);
        rewards.Add(3, 3);
        rewards.Add(-1, -1.5f);
        var result = EvaluationResult.From(pairs, rewards, new PairLossOptions());
        Assert.Equal(0.5, result.Accuracy);
        Assert.Equal(1, result.Ties);
        Assert.Equal((1 - 2 + 0 + 0.5) / 4, result.Margin, 1e-12);
        Assert.Equal((-1.5, 3, 6.5 / 8), (result.MinReward, result.MaxReward, result.MeanReward));

        // (1 - sigmoid(d))^2 for d = 1, -2, 0, 0.5, from Python.
        Assert.Equal((0.07232948812851325 + 0.7758034925743759 + 0.25 + 0.1425369565965509) / 4, result.Brier, 1e-9);

        // statistics.correlation([1, -2, 0, 0.5], [2, -2, 0, 4]) of Python.
        Assert.Equal(0.8344971792454872, result.LengthCorrelation!.Value, 1e-9);
        Assert.Equal(["-20..-1", "0", "1..20"], result.Groups.Where(g => g.By == "length_gap").Select(g => g.Group));
        Assert.Equal([1, 1, 2], result.Groups.Where(g => g.By == "length_gap").Select(g => g.Pairs));
        Assert.Equal([0.0, 0, 1], result.Groups.Where(g => g.By == "length_gap").Select(g => g.Accuracy));
    }
}
