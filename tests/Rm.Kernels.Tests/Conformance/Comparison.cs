using Rm.Kernels.Checks;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>
/// The rule for every number: the largest error is at most twice that of the same formula computed naively in the same precision, plus a
/// floor of a few units in the last place of the largest value. Written so that a NaN on either side fails.
/// </summary>
internal static class Comparison
{
    public static void AssertClose(string name, RealMatrix<double> actual, RealMatrix<double> expected, RealMatrix<double> naive, bool bf16)
    {
        Assert.Equal((expected.Rows, expected.Columns), (actual.Rows, actual.Columns));
        double largest = 0, naiveError = 0, error = 0;
        (int Row, int Column) worst = default;
        for (int i = 0; i < expected.Rows; i++)
        {
            for (int j = 0; j < expected.Columns; j++)
            {
                if (!double.IsFinite(expected[i, j]) || !double.IsFinite(naive[i, j]) || !double.IsFinite(actual[i, j]))
                {
                    Assert.Fail($"{name}[{i}, {j}] is {actual[i, j]}, reference {expected[i, j]}, naive {naive[i, j]}: not finite.");
                }

                largest = Math.Max(largest, Math.Abs(expected[i, j]));
                naiveError = Math.Max(naiveError, Math.Abs(naive[i, j] - expected[i, j]));
                double here = Math.Abs(actual[i, j] - expected[i, j]);
                if (here > error)
                {
                    error = here;
                    worst = (i, j);
                }
            }
        }

        double allowed = ErrorBound.Allowed(naiveError, largest, bf16);
        if (!(error <= allowed))
        {
            Assert.Fail(
                $"{name}[{worst.Row}, {worst.Column}] is {actual[worst.Row, worst.Column]:g9}, should be "
                    + $"{expected[worst.Row, worst.Column]:g9}: "
                + $"error {error:g3}, allowed {allowed:g3} (naive computation: {naiveError:g3}; largest value {largest:g3}).");
        }
    }
}
