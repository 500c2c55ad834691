using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Bench;

/// <summary>One product y [M, N] = x [M, K] W^T with a packed W.</summary>
internal sealed class GemmCase : IDisposable
{
    private readonly CpuGemm _gemm;
    private readonly PackedMatrix _w;
    private readonly float[] _x;
    private readonly float[] _y;
    private readonly int _m;
    private readonly int _n;
    private readonly int _k;

    public GemmCase(CpuGemm gemm, CpuThreads threads, int m, int n, int k)
    {
        (_gemm, _m, _n, _k) = (gemm, m, n, k);
        _x = Values(m * k, 1);
        _y = new float[m * n];
        _w = PackedMatrix.PackTransposed(new ReadOnlyMatrix(Values(n * k, 2), n, k), threads);
    }

    public double Flops => 2.0 * _m * _n * _k;

    public void Run() => _gemm.Multiply(new ReadOnlyMatrix(_x, _m, _k), _w, new Matrix(_y, _m, _n));

    public void Dispose() => _w.Dispose();

    public static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (2 * random.NextSingle()) - 1;
        }

        return values;
    }
}
