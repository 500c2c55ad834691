using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/rows.cu: rows gathered, scattered, copied and filled, in both activation types.</summary>
internal sealed class CudaRows : IDisposable
{
    private const int Threads = 256;
    private const int MaxColumnBlocks = 65535;

    private readonly CudaSession _session;
    private readonly CudaUploadedList<int> _rows;
    private readonly CudaKernel _gatherBF16;
    private readonly CudaKernel _gatherF32;
    private readonly CudaKernel _gatherRounded;
    private readonly CudaKernel _scatterBF16;
    private readonly CudaKernel _scatterF32;
    private readonly CudaKernel _fillBF16;
    private readonly CudaKernel _fillF32;

    /// <summary>Loads the kernels.</summary>
    public CudaRows(CudaSession session)
    {
        _session = session;
        _rows = new CudaUploadedList<int>(session);
        _gatherBF16 = session.Kernels.Get("gather_rows_forward_bf16");
        _gatherF32 = session.Kernels.Get("gather_rows_forward_f32");
        _gatherRounded = session.Kernels.Get("gather_rows_forward_bf16_f32");
        _scatterBF16 = session.Kernels.Get("gather_rows_backward_bf16");
        _scatterF32 = session.Kernels.Get("gather_rows_backward_f32");
        _fillBF16 = session.Kernels.Get("fill_forward_bf16");
        _fillF32 = session.Kernels.Get("fill_forward_f32");
    }

    /// <summary>Y of <see cref="GatherRowsArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit, or a row is outside X.</exception>
    public void Gather(GatherRowsArgs args)
    {
        CheckRows(args.Rows, args.X.Rows, nameof(args.Rows));
        LaunchChecks.Strided(nameof(args.Y), args.Y, args.X.DType, args.Rows.Length, args.X.Columns);
        if (args.Rows.Length != 0)
        {
            Gather(args.X, _rows.Of(args.Rows), args.Y);
        }
    }

    /// <summary>y[i] = x[rows[i]], rounded when x is float32 and y bfloat16; every row number is inside x.</summary>
    /// <param name="x">Rows may be strided.</param>
    /// <param name="rows">Row numbers on the device, <c>[y.Rows]</c>; null for 0, 1, 2, ...</param>
    /// <param name="y">=; rows may be strided.</param>
    public void Gather(Tensor x, Tensor? rows, Tensor y)
    {
        using NvtxRange range = new("gather_rows_forward"u8);
        CudaKernel kernel = (x.DType.Size(), y.DType.Size()) switch
        {
            (2, 2) => _gatherBF16,
            (4, 4) => _gatherF32,
            _ when x.DType == DType.F32 && y.DType == DType.BF16 => _gatherRounded,
            _ => throw new ArgumentException($"Rows of {x.DType} cannot be gathered into {y.DType}.", nameof(y)),
        };
        Launch(kernel, x, y, rows, y.Rows);
    }

    /// <summary>Y of <see cref="ScatterAddRowsArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit, or a row is outside Y.</exception>
    public void ScatterAdd(ScatterAddRowsArgs args)
    {
        using NvtxRange range = new("gather_rows_backward"u8);
        CheckRows(args.Rows, args.Y.Rows, nameof(args.Rows));
        LaunchChecks.Strided(nameof(args.X), args.X, args.Y.DType, args.Rows.Length, args.Y.Columns);
        if (args.Rows.Length != 0)
        {
            CudaKernel kernel = LaunchChecks.Suffix(args.Y.DType) == "bf16" ? _scatterBF16 : _scatterF32;
            Launch(kernel, args.X, args.Y, _rows.Of(args.Rows), args.Rows.Length);
        }
    }

    /// <summary>destination = source.</summary>
    /// <exception cref="ArgumentException">Shapes or types differ.</exception>
    public void Copy(Tensor source, Tensor destination)
    {
        if (source.Shape != destination.Shape || source.DType != destination.DType)
        {
            throw new ArgumentException(
                $"Cannot copy {source.DType} {source.Shape} to {destination.DType} {destination.Shape}.", nameof(destination));
        }

        if (source.IsContiguous && destination.IsContiguous)
        {
            _session.Stream.Copy(destination.Address, source.Address, source.Shape.Count * source.DType.Size());
        }
        else
        {
            Gather(source, rows: null, destination);
        }
    }

    /// <summary>Every element = <paramref name="value"/>.</summary>
    /// <exception cref="ArgumentException">The tensor is neither float32 nor bfloat16.</exception>
    public void Fill(Tensor destination, float value)
    {
        using NvtxRange range = new("fill_forward"u8);
        CudaKernel kernel = LaunchChecks.Suffix(destination.DType) == "bf16" ? _fillBF16 : _fillF32;
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (destination.IsContiguous && bits == 0)
        {
            _session.Stream.Zero(destination.Address, destination.Shape.Count * destination.DType.Size());
        }
        else if (destination.IsContiguous && destination.DType == DType.F32)
        {
            _session.Stream.Fill(destination.Address, bits, destination.Shape.Count);
        }
        else if (destination.Shape.Count != 0)
        {
            LaunchShape shape = Shape(destination.Rows, destination.Columns, packet: 1);
            kernel.Launch(_session.Stream, shape, destination.Address, value, destination.Columns, destination.RowStride);
        }
    }

    public void Dispose() => _rows.Dispose();

    private void Launch(CudaKernel kernel, Tensor x, Tensor y, Tensor? rows, int count)
    {
        if (count == 0 || y.Columns == 0)
        {
            return;
        }

        int packet = LaunchChecks.PacketBytes / y.DType.Size();
        bool packed = y.Columns % packet == 0 && LaunchChecks.InPackets(x) && LaunchChecks.InPackets(y);
        RowsLaunch launch = new()
        {
            X = x.Address,
            Y = y.Address,
            Rows = rows?.Address ?? 0,
            Columns = y.Columns,
            XStride = x.RowStride,
            YStride = y.RowStride,
            Packed = packed ? 1 : 0,
        };
        kernel.Launch(_session.Stream, Shape(count, y.Columns, packed ? packet : 1), launch);
    }

    private static LaunchShape Shape(int rows, int columns, int packet)
    {
        int threads = Math.Min(Threads, LaunchChecks.Threads(LaunchChecks.Blocks(columns, packet)));
        int blocks = Math.Min(MaxColumnBlocks, LaunchChecks.Blocks(columns, packet * threads));
        return new LaunchShape(new Dim3((uint)rows, (uint)blocks), threads);
    }

    private static void CheckRows(int[] rows, int count, string name)
    {
        foreach (int row in rows)
        {
            if ((uint)row >= (uint)count)
            {
                throw new ArgumentException($"Row {row} is outside a tensor of {count} rows.", name);
            }
        }
    }
}

/// <summary>RowsArgs of rows.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RowsLaunch
{
    public nint X;
    public nint Y;
    public nint Rows;
    public int Columns;
    public int XStride;
    public int YStride;
    public int Packed;
}
