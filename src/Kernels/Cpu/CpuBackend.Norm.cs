using System.Runtime.Intrinsics;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    private const int NormBlock = 1 << 16;

    /// <inheritdoc/>
    public double Norm(Tensor values)
    {
        long count = values.Shape.Count;
        float* data = F32View.Vector(values, count, nameof(values));
        double[] blockSums = new double[(count + NormBlock - 1) / NormBlock];
        _threads.For(blockSums.Length, block =>
        {
            long begin = (long)block * NormBlock;
            blockSums[block] = SumOfSquares(data + begin, (int)Math.Min(NormBlock, count - begin));
        });

        double sum = 0;
        foreach (double blockSum in blockSums)
        {
            sum += blockSum;
        }

        return Math.Sqrt(sum);
    }

    private static double SumOfSquares(float* data, int count)
    {
        Vector512<double> lower = default, upper = default;
        for (int i = 0; i < count; i += Lanes)
        {
            (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Load(data + i, count - i));
            lower += a * a;
            upper += b * b;
        }

        Vector512<double> total = lower + upper;
        double sum = 0;
        for (int lane = 0; lane < Vector512<double>.Count; lane++)
        {
            sum += total.GetElement(lane);
        }

        return sum;
    }
}
