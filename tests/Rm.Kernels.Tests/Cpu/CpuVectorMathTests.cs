using System.Runtime.Intrinsics;
using Rm.Kernels.Cpu;

namespace Rm.Kernels.Tests.Cpu;

public sealed unsafe class CpuVectorMathTests
{
    [Fact]
    public void Exp_is_within_two_units_in_the_last_place()
    {
        double worst = 0;
        for (int i = 0; i < 2_000_000; i++)
        {
            float x = -87.3f + (i * (176f / 2_000_000));
            double exact = Math.Exp(x);
            double ulp = MathF.BitIncrement((float)exact) - (double)(float)exact;
            worst = Math.Max(worst, Math.Abs(Exp(x) - exact) / ulp);
        }

        Assert.InRange(worst, 0.4, 1.5);
    }

    [Theory]
    [InlineData(float.NegativeInfinity, 0)]
    [InlineData(-1e30f, 0)]
    [InlineData(-104f, 0)]
    [InlineData(0, 1)]
    [InlineData(-0f, 1)]
    [InlineData(89f, float.PositiveInfinity)]
    [InlineData(1e30f, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void Exp_at_the_ends(float x, float expected) => Assert.Equal(expected, Exp(x));

    [Fact]
    public void Exp_reaches_into_denormals()
    {
        for (float x = -103f; x < -87f; x += 0.37f)
        {
            Assert.Equal(Math.Exp(x), Exp(x), 2.8e-45 + (Math.Exp(x) * 2e-7));
        }
    }

    [Fact]
    public void Sums_and_dot_products_of_every_length_are_exact_on_integers()
    {
        float[] a = [.. Enumerable.Range(1, 200).Select(i => (float)(i % 7))];
        float[] b = [.. Enumerable.Range(1, 200).Select(i => (float)(i % 11))];
        fixed (float* pa = a, pb = b)
        {
            for (int n = 0; n <= 200; n++)
            {
                Assert.Equal(a.Take(n).Zip(b, (x, y) => x * y).Sum(), VectorMath.Dot(pa, pb, n));
            }

            for (int n = 0; n <= 16; n++)
            {
                Assert.Equal(a.Take(n).Sum(), VectorMath.Sum(VectorMath.Load(pa, n)));
            }
        }
    }

    [Fact]
    public void Max_finds_every_lane()
    {
        for (int lane = 0; lane < 16; lane++)
        {
            Assert.Equal(3, VectorMath.Max(Vector512.Create(-1f).WithElement(lane, 3)));
            Assert.Equal(-1, VectorMath.Max(Vector512.Create(float.NegativeInfinity).WithElement(lane, -1)));
        }
    }

    private static float Exp(float x)
    {
        Vector512<float> all = VectorMath.Exp(Vector512.Create(x));
        Assert.Equal(all.GetElement(0), all.GetElement(15));
        return all.GetElement(7);
    }
}
