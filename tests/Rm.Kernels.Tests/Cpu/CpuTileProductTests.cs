using Rm.Kernels.Cpu.Attention;

namespace Rm.Kernels.Tests.Cpu;

public sealed unsafe class CpuTileProductTests
{
    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(2, 7, true)]
    [InlineData(3, 64, false)]
    [InlineData(4, 33, true)]
    [InlineData(5, 96, false)]
    [InlineData(8, 0, true)]
    public void Every_path_is_one_chain_of_fused_multiply_adds(int vectors, int depth, bool accumulate)
    {
        int columns = 16 * vectors;
        float[] a = Values(4 * (depth + 3), 1), b = Values((depth + 1) * (columns + 16), 2), before = Values(4 * (columns + 5), 3);
        float[] wide = [.. before], halves = [.. before];
        fixed (float* pa = a, pb = b, pw = wide, ph = halves)
        {
            // A by columns: consecutive rows are adjacent, steps four apart.
            TileProduct.FourRows(pa, 1, 4, pb, columns + 16, pw, columns + 5, depth, vectors, accumulate);
            for (int v = 0; v < vectors; v++)
            {
                TileProduct.OneVectorOfHalves(pa, 1, 4, pb + (16 * v), columns + 16, ph + (16 * v), columns + 5, depth, accumulate);
            }
        }

        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < columns + 5 && (i * (columns + 5)) + j < before.Length; j++)
            {
                int at = (i * (columns + 5)) + j;
                float chain = accumulate || j >= columns ? before[at] : 0;
                for (int k = 0; k < depth && j < columns; k++)
                {
                    chain = MathF.FusedMultiplyAdd(a[(4 * k) + i], b[(k * (columns + 16)) + j], chain);
                }

                Assert.Equal(chain, wide[at]);
                Assert.Equal(chain, halves[at]);
            }
        }
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextSingle()) - 1)];
    }
}
