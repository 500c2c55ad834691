using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/experts.cu, in both activation types; kernels are loaded when one is first asked for.</summary>
internal sealed class CudaExperts : IExpertOperations, IDisposable
{
    private const int Threads = 128;
    private const int WarpsOfBlock = Threads / 32;
    private const int ColumnThreads = 256;

    private readonly Dictionary<string, CudaKernel> _kernels = [];
    private readonly CudaSession _session;
    private readonly CudaUploadedList<int> _slots;

    /// <summary>Launchers on a device.</summary>
    public CudaExperts(CudaSession session)
    {
        _session = session;
        _slots = new CudaUploadedList<int>(session);
    }

    /// <inheritdoc/>
    public void RouteForward(RouteForwardArgs args)
    {
        using NvtxRange range = new("route_forward"u8);
        (int rows, int count, int chosen) = (args.Logits.Rows, args.Logits.Columns, args.Experts.Columns);
        Check(args.Experts, args.Weights, rows, count);
        if (rows != 0)
        {
            Kernel("route_forward", args.Logits.DType).Launch(_session.Stream, WarpEach(rows), new RouteForwardLaunch
            {
                Logits = args.Logits.Address,
                Experts = args.Experts.Address,
                Weights = args.Weights.Address,
                Rows = rows,
                Count = count,
                Chosen = chosen,
                Stride = args.Logits.RowStride,
                Normalizes = args.Normalizes ? 1 : 0,
            });
        }
    }

    /// <inheritdoc/>
    public void RouteBackward(RouteBackwardArgs args)
    {
        using NvtxRange range = new("route_backward"u8);
        (int rows, int count, int chosen) = (args.Logits.Rows, args.Logits.Columns, args.Experts.Columns);
        Check(args.Experts, args.Weights, rows, count);
        LaunchChecks.Contiguous(nameof(args.G), args.G, DType.F32, rows, chosen);
        LaunchChecks.Strided(nameof(args.DLogits), args.DLogits, args.Logits.DType, rows, count);
        if (rows != 0)
        {
            Kernel("route_backward", args.Logits.DType).Launch(_session.Stream, WarpEach(rows), new RouteBackwardLaunch
            {
                G = args.G.Address,
                Logits = args.Logits.Address,
                Experts = args.Experts.Address,
                Weights = args.Weights.Address,
                Dlogits = args.DLogits.Address,
                Rows = rows,
                Count = count,
                Chosen = chosen,
                Stride = args.Logits.RowStride,
                DStride = args.DLogits.RowStride,
                Normalizes = args.Normalizes ? 1 : 0,
            });
        }
    }

    /// <inheritdoc/>
    public void ExpertSumForward(ExpertSumForwardArgs args)
    {
        using NvtxRange range = new("expert_sum_forward"u8);
        (int rows, int columns) = (args.Y.Rows, args.Y.Columns);
        int chosen = RowsOfToken(args.Slots, rows);
        LaunchChecks.Strided(nameof(args.X), args.X, args.Y.DType, args.Slots.Length, columns);
        if (args.Weights is { } weights)
        {
            LaunchChecks.Contiguous(nameof(args.Weights), weights, DType.F32, rows, chosen);
        }

        if (args.Residual is { } residual)
        {
            LaunchChecks.Strided(nameof(args.Residual), residual, args.Y.DType, rows, columns);
        }

        Kernel("expert_sum_forward", args.Y.DType).Launch(_session.Stream, ColumnsOf(rows, columns), new ExpertSumLaunch
        {
            X = args.X.Address,
            Slots = _slots.Of(args.Slots).Address,
            Weights = args.Weights?.Address ?? 0,
            Residual = args.Residual?.Address ?? 0,
            Y = args.Y.Address,
            Columns = columns,
            Chosen = chosen,
            XStride = args.X.RowStride,
            ResidualStride = args.Residual?.RowStride ?? 0,
            YStride = args.Y.RowStride,
        });
    }

    /// <inheritdoc/>
    public void ExpertSumBackward(ExpertSumBackwardArgs args)
    {
        using NvtxRange range = new("expert_sum_backward"u8);
        int columns = args.DY.Columns, chosen = RowsOfToken(args.Slots, args.DY.Rows);
        LaunchChecks.Strided(nameof(args.DX), args.DX, args.DY.DType, args.Slots.Length, columns);
        LaunchChecks.Contiguous(nameof(args.Weights), args.Weights, DType.F32, args.DY.Rows, chosen);
        Kernel("expert_sum_backward", args.DY.DType).Launch(_session.Stream, ColumnsOf(args.Slots.Length, columns), new ExpertSumLaunch
        {
            X = args.DY.Address,
            Slots = _slots.Of(args.Slots).Address,
            Weights = args.Weights.Address,
            Y = args.DX.Address,
            Columns = columns,
            Chosen = chosen,
            XStride = args.DY.RowStride,
            YStride = args.DX.RowStride,
        });
    }

    /// <inheritdoc/>
    public void ExpertDot(ExpertDotArgs args)
    {
        using NvtxRange range = new("expert_dot_backward"u8);
        int columns = args.A.Columns, chosen = RowsOfToken(args.Slots, args.Dots.Rows);
        LaunchChecks.Strided(nameof(args.A), args.A, args.A.DType, args.Slots.Length, columns);
        LaunchChecks.Strided(nameof(args.B), args.B, args.A.DType, args.Slots.Length, columns);
        LaunchChecks.Contiguous(nameof(args.Dots), args.Dots, DType.F32, args.Dots.Rows, chosen);
        Kernel("expert_dot_backward", args.A.DType).Launch(_session.Stream, WarpEach(args.Slots.Length), new ExpertDotLaunch
        {
            A = args.A.Address,
            B = args.B.Address,
            Slots = _slots.Of(args.Slots).Address,
            Dots = args.Dots.Address,
            Count = args.Slots.Length,
            Columns = columns,
            AStride = args.A.RowStride,
            BStride = args.B.RowStride,
        });
    }

    public void Dispose() => _slots.Dispose();

    private static void Check(Tensor experts, Tensor weights, int rows, int count)
    {
        if (experts.Columns < 1 || experts.Columns > count)
        {
            throw new ArgumentException($"{experts.Columns} of {count} experts cannot be chosen.", nameof(experts));
        }

        LaunchChecks.Contiguous("Experts", experts, DType.I32, rows, experts.Columns);
        LaunchChecks.Contiguous("Weights", weights, DType.F32, rows, experts.Columns);
    }

    // k, once every slot is known to be a row.
    private static int RowsOfToken(int[] slots, int tokens)
    {
        bool fits = tokens > 0 && slots.Length > 0 && slots.Length % tokens == 0 && slots.All(slot => (uint)slot < (uint)slots.Length);
        return fits
            ? slots.Length / tokens
            : throw new ArgumentException($"{slots.Length} slots are not those of {tokens} tokens.", nameof(slots));
    }

    private static LaunchShape WarpEach(int items) => new(LaunchChecks.Blocks(items, WarpsOfBlock), Threads);

    private static LaunchShape ColumnsOf(int rows, int columns)
    {
        int threads = Math.Min(ColumnThreads, LaunchChecks.Threads(columns));
        return new LaunchShape(new Dim3((uint)rows, (uint)LaunchChecks.Blocks(columns, threads)), threads);
    }

    private CudaKernel Kernel(string name, DType dtype)
    {
        string full = $"{name}_{LaunchChecks.Suffix(dtype)}";
        if (!_kernels.TryGetValue(full, out CudaKernel? kernel))
        {
            kernel = _session.Kernels.Get(full);
            _kernels.Add(full, kernel);
        }

        return kernel;
    }
}

/// <summary>RouteForwardArgs of experts.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RouteForwardLaunch
{
    public nint Logits;
    public nint Experts;
    public nint Weights;
    public int Rows;
    public int Count;
    public int Chosen;
    public int Stride;
    public int Normalizes;
}

/// <summary>RouteBackwardArgs of experts.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RouteBackwardLaunch
{
    public nint G;
    public nint Logits;
    public nint Experts;
    public nint Weights;
    public nint Dlogits;
    public int Rows;
    public int Count;
    public int Chosen;
    public int Stride;
    public int DStride;
    public int Normalizes;
}

/// <summary>ExpertSumArgs of experts.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExpertSumLaunch
{
    public nint X;
    public nint Slots;
    public nint Weights;
    public nint Residual;
    public nint Y;
    public int Columns;
    public int Chosen;
    public int XStride;
    public int ResidualStride;
    public int YStride;
}

/// <summary>ExpertDotArgs of experts.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExpertDotLaunch
{
    public nint A;
    public nint B;
    public nint Slots;
    public nint Dots;
    public int Count;
    public int Columns;
    public int AStride;
    public int BStride;
}
