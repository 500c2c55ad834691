using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>
/// Uniform numbers from Philox, where a backend makes them itself: known to the bit in float32, to one rounding in bfloat16.
/// </summary>
internal static class RandomFillCases
{
    private const ulong Seed = 0x0123_4567_89AB_CDEF;
    private const float Range = 0.75f;

    public static IEnumerable<OperationCase> All =>
        [.. new[] { (1, 1), (3, 24), (5, 1030) }.Select(
            shape => new OperationCase($"random T={shape.Item1} C={shape.Item2}", bench => Run(bench, shape.Item1, shape.Item2)))];

    private static void Run(OperationBench bench, int rows, int columns)
    {
        if (bench.Backend is not IRandomFill random)
        {
            return;
        }

        GuardedTensor x = bench.OutputActivation("x", rows, columns, gap: 8);
        Assert.True(random.TryFillRandom(x.View, Range, Seed));
        RealMatrix<float> expected = new RealMatrix<float>(rows, columns).Map(static (t, c, _) =>
            Range * (((DropoutMask.Draw(Seed, (uint)c / 4, 0, (uint)t)[c % 4] >> 8) / 16777216f) - 0.5f));
        bench.Check(x, expected.To<double>(), expected);
    }
}
