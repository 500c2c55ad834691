using Rm.Training.Statistics;

namespace Rm.Host.Tests.Analysis;

/// <summary>Tails and quantiles against scipy 1.17, Holm against statsmodels.</summary>
public sealed class DistributionTests
{
    // 2 * scipy.stats.t.sf(t, df)
    [Theory]
    [InlineData(0.5, 1, 0.7048327646991335)]
    [InlineData(1.96, 1, 0.3003428917760331)]
    [InlineData(12.7, 1, 0.050024327689344165)]
    [InlineData(2, 2, 0.18350341907227397)]
    [InlineData(1.07, 1998, 0.2847485516901182)]
    [InlineData(2.5, 7.5, 0.03882025827362553)]
    [InlineData(0.001, 30, 0.9992087357664851)]
    [InlineData(8, 60, 4.900265147950212e-11)]
    [InlineData(5, 100000, 5.742701678641679e-07)]
    [InlineData(1.5, 1000000, 0.1336147182367928)]
    public void Tails_of_Student_are_those_of_scipy(double t, double degrees, double p)
    {
        Assert.Equal(1, StudentT.TwoSidedP(t, degrees) / p, 1e-10);
        Assert.Equal(1, StudentT.TwoSidedP(-t, degrees) / p, 1e-10);
    }

    // scipy.stats.t.ppf(0.975, df)
    [Theory]
    [InlineData(1, 12.706204736174694)]
    [InlineData(2, 4.302652729749462)]
    [InlineData(3, 3.1824463052837078)]
    [InlineData(10, 2.228138851986274)]
    [InlineData(60, 2.0002978220142604)]
    [InlineData(161, 1.974808091751787)]
    [InlineData(1998, 1.9611520148367054)]
    [InlineData(1000000, 1.959966356814107)]
    public void Quantiles_of_Student_are_those_of_scipy(double degrees, double quantile) =>
        Assert.Equal(quantile, StudentT.Quantile95(degrees), 1e-10);

    // scipy.stats.binomtest(b, b + c, 0.5).pvalue
    [Theory]
    [InlineData(1, 0, 1.0)]
    [InlineData(5, 0, 0.0625)]
    [InlineData(0, 10, 0.001953125)]
    [InlineData(3, 9, 0.14599609375)]
    [InlineData(21, 25, 0.6587380770236564)]
    [InlineData(10, 11, 1.0)]
    [InlineData(150, 100, 0.0018833009350761602)]
    [InlineData(5000, 5200, 0.04878796312682234)]
    [InlineData(200000, 201500, 0.017996125533935804)]
    public void McNemar_is_the_exact_binomial_test(int onlyFirst, int onlySecond, double p)
    {
        Assert.Equal(1, McNemar.ExactP(onlyFirst, onlySecond) / p, 1e-9);
        Assert.Equal(1, McNemar.ExactP(onlySecond, onlyFirst) / p, 1e-9);
    }

    [Fact]
    public void Nothing_extreme_has_probability_one()
    {
        Assert.Equal(1, StudentT.TwoSidedP(0, 5), 1e-14);
        Assert.Equal(0, StudentT.TwoSidedP(double.PositiveInfinity, 5));
        Assert.Equal(1, McNemar.ExactP(0, 0));
        Assert.Equal(1, McNemar.ExactP(7, 7));
    }

    [Fact]
    public void Holm_steps_down()
    {
        // multipletests([0.01, 0.04, 0.03, 0.005], method="holm"): 0.03, 0.06, 0.06, 0.02.
        Assert.Equal([0.03, 0.06, 0.06, 0.02], HolmAdjustment.Of([0.01, 0.04, 0.03, 0.005]).Select(p => Math.Round(p, 12)));
        Assert.Equal([1.0, 1.0], HolmAdjustment.Of([0.6, 0.9]));
        Assert.Equal([0.2], HolmAdjustment.Of([0.2]));
        Assert.Empty(HolmAdjustment.Of([]));
    }
}
