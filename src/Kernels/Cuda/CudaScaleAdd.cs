using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/scale_add.cu, in both activation types; kernels are loaded when one is first asked for.</summary>
internal sealed class CudaScaleAdd(CudaSession session)
{
    private const int Threads = 256;

    private readonly Dictionary<string, CudaKernel> _kernels = [];

    /// <summary>Y of <see cref="ScaleAddArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Forward(ScaleAddArgs args)
    {
        using NvtxRange range = new("scale_add_forward"u8);
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        LaunchChecks.Strided(nameof(args.Y), args.Y, args.X.DType, rows, columns);
        if (args.Z is { } added)
        {
            LaunchChecks.Strided(nameof(args.Z), added, args.X.DType, rows, columns);
        }

        if (rows == 0)
        {
            return;
        }

        ScaleAddLaunch launch = new()
        {
            X = args.X.Address,
            Z = args.Z?.Address ?? 0,
            Y = args.Y.Address,
            ColumnScale = Vector(nameof(args.ColumnScale), args.ColumnScale, columns),
            Bias = Vector(nameof(args.Bias), args.Bias, columns),
            Columns = columns,
            XStride = args.X.RowStride,
            ZStride = args.Z?.RowStride ?? 0,
            YStride = args.Y.RowStride,
            Scale = args.Scale,
        };
        int threads = Math.Min(Threads, LaunchChecks.Threads(columns));
        Dim3 grid = new((uint)rows, (uint)LaunchChecks.Blocks(columns, threads));
        Kernel("scale_add_forward", args.X.DType).Launch(session.Stream, new LaunchShape(grid, threads), launch);
    }

    /// <summary>Sums of <see cref="ColumnDotArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void ColumnDot(ColumnDotArgs args)
    {
        using NvtxRange range = new("column_dot_backward"u8);
        (int rows, int columns) = (args.A.Rows, args.A.Columns);
        LaunchChecks.Strided(nameof(args.B), args.B, args.A.DType, rows, columns);
        nint sums = Vector(nameof(args.Sums), args.Sums, columns);
        if (rows != 0)
        {
            LaunchShape shape = new(LaunchChecks.Blocks(columns, Threads), Threads);
            Kernel("column_dot_backward", args.A.DType).Launch(session.Stream, shape, new ColumnDotLaunch
            {
                A = args.A.Address,
                B = args.B.Address,
                Sums = sums,
                Rows = rows,
                Columns = columns,
                AStride = args.A.RowStride,
                BStride = args.B.RowStride,
            });
        }
    }

    private static nint Vector(string name, Tensor? vector, int columns)
    {
        if (vector is not { } given)
        {
            return 0;
        }

        LaunchChecks.Contiguous(name, given, DType.F32, 1, columns);
        return given.Address;
    }

    private CudaKernel Kernel(string name, DType dtype)
    {
        string full = $"{name}_{LaunchChecks.Suffix(dtype)}";
        if (!_kernels.TryGetValue(full, out CudaKernel? kernel))
        {
            kernel = session.Kernels.Get(full);
            _kernels.Add(full, kernel);
        }

        return kernel;
    }
}

/// <summary>ColumnDotArgs of scale_add.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ColumnDotLaunch
{
    public nint A;
    public nint B;
    public nint Sums;
    public int Rows;
    public int Columns;
    public int AStride;
    public int BStride;
}

/// <summary>ScaleAddArgs of scale_add.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ScaleAddLaunch
{
    public nint X;
    public nint Z;
    public nint Y;
    public nint ColumnScale;
    public nint Bias;
    public int Columns;
    public int XStride;
    public int ZStride;
    public int YStride;
    public float Scale;
}
