using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/norm.cu.</summary>
internal sealed class CudaNorm
{
    private const int Threads = 256;
    private const int Chunk = 65536;

    private readonly CudaSession _session;
    private readonly CudaKernel _squares;
    private readonly CudaKernel _reduce;

    /// <summary>Loads the kernels.</summary>
    public CudaNorm(CudaSession session)
    {
        _session = session;
        _squares = session.Kernels.Get("norm_forward_f32");
        _reduce = session.Kernels.Get("norm_forward_f32_reduce");
    }

    /// <summary>L2 norm of <paramref name="values"/>; waits for the device.</summary>
    /// <exception cref="ArgumentException">The tensor is not float32 or has gaps.</exception>
    public double Run(Tensor values)
    {
        using NvtxRange range = new("norm_forward"u8);
        LaunchChecks.Contiguous(nameof(values), values, DType.F32, values.Rows, values.Columns);
        long count = values.Shape.Count;
        if (count == 0)
        {
            return 0;
        }

        int chunks = checked((int)((count + Chunk - 1) / Chunk));

        // Float64 elements, two float32 each: the sum in the first, the chunks' sums behind it.
        Tensor workspace = _session.Workspace(new Shape(chunks + 1, 2));
        Tensor sum = workspace.SliceRows(0, 1), partial = workspace.SliceRows(1, chunks);
        _squares.Launch(_session.Stream, new LaunchShape(chunks, Threads), values.Address, partial.Address, count);
        _reduce.Launch(_session.Stream, new LaunchShape(1, Threads), partial.Address, sum.Address, chunks);
        Span<double> result = stackalloc double[1];
        _session.Transfers.Download(sum, result);
        return Math.Sqrt(result[0]);
    }
}
