namespace Rm.Training.Suites;

/// <summary>One line of a benchmark's table.</summary>
/// <param name="Name">What is scored.</param>
/// <param name="Score">Its score, 1 for all; NaN where the benchmark's own formula gives none.</param>
/// <param name="Low">Lower end of the 95% interval.</param>
/// <param name="High">Upper end.</param>
/// <param name="Rows">Rows behind it.</param>
/// <param name="Level">0 for the whole, 1 for its parts, 2 for parts of those.</param>
public sealed record SuiteLine(string Name, double Score, double Low, double High, int Rows, int Level)
{
    /// <summary>The mean of values in [0, 1], one a row.</summary>
    public static SuiteLine OfRows(string name, IReadOnlyList<double> values, int level)
    {
        (double low, double high) = SuiteIntervals.OfMean(values);
        return new SuiteLine(name, values.Sum() / values.Count, low, high, values.Count, level);
    }

    /// <summary>A weighted mean of other lines.</summary>
    public static SuiteLine OfParts(string name, IReadOnlyList<(SuiteLine Line, double Weight)> parts, int level)
    {
        double score = parts.Sum(part => part.Line.Score * part.Weight) / parts.Sum(part => part.Weight);
        (double low, double high) = SuiteIntervals.OfWeighted(parts);
        return new SuiteLine(name, score, low, high, parts.Sum(part => part.Line.Rows), level);
    }
}
