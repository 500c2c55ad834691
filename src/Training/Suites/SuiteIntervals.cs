using Rm.Formats.RandomNumbers;
using Rm.Training.Statistics;

namespace Rm.Training.Suites;

/// <summary>95% intervals of benchmark scores.</summary>
internal static class SuiteIntervals
{
    private const int Resamples = 2000;

    /// <summary>
    /// Of a mean of values in [0, 1]: Wilson's interval for the number of yes-or-no rows that would vary as much. For values 0 and 1 that
    /// is the number of rows.
    /// </summary>
    public static (double Low, double High) OfMean(IReadOnlyList<double> values)
    {
        double mean = values.Sum() / values.Count, variance = values.Sum(v => (v - mean) * (v - mean)) / values.Count;
        return WilsonInterval.Of(
            Math.Clamp(mean, 0, 1), variance > 0 && mean is > 0 and < 1 ? values.Count * (mean * (1 - mean) / variance) : values.Count);
    }

    /// <summary>Of a weighted mean of independent scores, from their own intervals (Zou and Donner 2008).</summary>
    public static (double Low, double High) OfWeighted(IReadOnlyList<(SuiteLine Line, double Weight)> parts)
    {
        double total = parts.Sum(part => part.Weight), score = parts.Sum(part => part.Line.Score * part.Weight) / total;
        double Side(Func<SuiteLine, double> distance) =>
            Math.Sqrt(parts.Sum(part => Math.Pow(part.Weight / total * distance(part.Line), 2)));
        return (score - Side(line => line.Score - line.Low), score + Side(line => line.High - line.Score));
    }

    /// <summary>
    /// Of a score that is no mean: percentiles of the score of resampled units (Efron 1979), drawn from a fixed seed. Resamples without a
    /// score are left out; without any, or without the score itself, both ends are NaN.
    /// </summary>
    public static (double Low, double High) OfResamples<T>(IReadOnlyList<T> units, Func<IReadOnlyList<T>, double> score)
    {
        var random = SplitMix64.For(0, (ulong)units.Count);
        var scores = new List<double>(Resamples);
        for (int i = 0; i < Resamples; i++)
        {
            var drawn = new T[units.Count];
            for (int k = 0; k < drawn.Length; k++)
            {
                drawn[k] = units[random.NextBelow(units.Count)];
            }

            if (score(drawn) is var value && double.IsFinite(value))
            {
                scores.Add(value);
            }
        }

        scores.Sort();
        return scores.Count == 0 || !double.IsFinite(score(units)) ? (double.NaN, double.NaN)
            : (scores[(int)(0.025 * (scores.Count - 1))], scores[(int)Math.Ceiling(0.975 * (scores.Count - 1))]);
    }
}
