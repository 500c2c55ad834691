namespace Rm.Training.Loop;

/// <summary>Best evaluation so far and how many evaluations have passed since.</summary>
/// <param name="BestValue">Best value of the metric, or null before the first evaluation.</param>
/// <param name="BestStep">Step at which it was reached.</param>
/// <param name="EvaluationsSinceBest">Evaluations after it.</param>
public sealed record BestSoFar(double? BestValue = null, int BestStep = 0, int EvaluationsSinceBest = 0)
{
    /// <summary>The state after one more evaluation, and whether it is the best.</summary>
    public (BestSoFar State, bool Improved) After(double value, int step, bool higherIsBetter, double minDelta)
    {
        bool improved = BestValue is not { } best || (higherIsBetter ? value > best + minDelta : value < best - minDelta);
        return improved ? (new BestSoFar(value, step), true) : (this with { EvaluationsSinceBest = EvaluationsSinceBest + 1 }, false);
    }

    /// <summary>Whether patience is used up.</summary>
    public bool IsExhausted(int patience) => patience > 0 && EvaluationsSinceBest >= patience;
}
