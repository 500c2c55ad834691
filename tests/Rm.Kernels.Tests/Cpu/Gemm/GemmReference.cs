namespace Rm.Kernels.Tests.Cpu.Gemm;

/// <summary>The contract of the products, element by element: one chain of fused multiply-adds in increasing k.</summary>
internal static class GemmReference
{
    public static GuardedMatrix Product(
        GuardedMatrix a,
        GuardedMatrix b,
        GuardedMatrix? start = null,
        GuardedMatrix? s = null,
        GuardedMatrix? extension = null,
        float[]? bias = null,
        GuardedMatrix? residual = null)
        => new GuardedMatrix(a.Rows, b.Columns).Fill((i, j) =>
        {
            float sum = start?[i, j] ?? 0;
            for (int k = 0; k < a.Columns; k++)
            {
                sum = MathF.FusedMultiplyAdd(a[i, k], b[k, j], sum);
            }

            for (int k = 0; k < (s?.Columns ?? 0); k++)
            {
                sum = MathF.FusedMultiplyAdd(s![i, k], extension![k, j], sum);
            }

            if (bias is not null)
            {
                sum += bias[j];
            }

            return residual is null ? sum : sum + residual[i, j];
        });

    /// <summary>Fails unless <paramref name="c"/> is A * B within the rounding error of K float32 steps.</summary>
    public static void AssertNearDouble(GuardedMatrix c, GuardedMatrix a, GuardedMatrix b)
    {
        for (int i = 0; i < c.Rows; i++)
        {
            for (int j = 0; j < c.Columns; j++)
            {
                double sum = 0;
                double magnitude = 0;
                for (int k = 0; k < a.Columns; k++)
                {
                    double product = (double)a[i, k] * b[k, j];
                    sum += product;
                    magnitude += Math.Abs(product);
                }

                double bound = a.Columns * magnitude * Math.Pow(2, -24);
                Assert.True(Math.Abs(c[i, j] - sum) <= bound, $"[{i}, {j}] is {c[i, j]:R}, {sum:R} in double, bound {bound:R}");
            }
        }
    }
}
