using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/rope.cu, for one activation type.</summary>
internal sealed class CudaRope : IDisposable
{
    private const int Threads = 256;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaUploadedList<float> _frequencies;
    private readonly CudaKernel _table;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaRope(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _frequencies = new CudaUploadedList<float>(session);
        _table = session.Kernels.Get("rope_table_forward_f32");
        _forward = session.Kernels.Get($"rope_forward_{suffix}");
        _backward = session.Kernels.Get($"rope_backward_{suffix}");
    }

    /// <summary>CosSin of <see cref="RopeTableArgs"/>.</summary>
    /// <exception cref="ArgumentException">The tensor's type or shape does not fit.</exception>
    public void Table(RopeTableArgs args)
    {
        using NvtxRange range = new("rope_table_forward"u8);
        CudaPreparedLayout layout = CudaPreparedLayout.Own(args.Layout);
        int tokens = layout.Layout.TokenCount, half = args.InverseFrequencies.Length;
        LaunchChecks.Contiguous(nameof(args.CosSin), args.CosSin, DType.F32, tokens, 2 * half);
        if (tokens != 0)
        {
            LaunchShape shape = new(tokens, Math.Min(Threads, LaunchChecks.Threads(half)));
            _table.Launch(
                _session.Stream, shape, layout.Positions.Address, _frequencies.Of(args.InverseFrequencies).Address, args.CosSin.Address, half);
        }
    }

    /// <summary>X of <see cref="RopeApplyArgs"/>, rotated in place.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Apply(RopeApplyArgs args)
    {
        using NvtxRange range = new("rope"u8);
        int headDim = args.CosSin.Columns;
        int heads = LaunchChecks.Heads(nameof(args.X), args.X, headDim);
        LaunchChecks.Strided(nameof(args.X), args.X, _dtype, args.X.Rows, args.X.Columns);
        LaunchChecks.Contiguous(nameof(args.CosSin), args.CosSin, DType.F32, args.X.Rows, headDim);
        if (headDim % 2 != 0)
        {
            throw new ArgumentException($"A head of {headDim} features has no halves to rotate.", nameof(args));
        }

        if (args.X.Rows == 0)
        {
            return;
        }

        int packet = LaunchChecks.PacketBytes / _dtype.Size();
        bool packed = headDim / 2 % packet == 0 && LaunchChecks.InPackets(args.X) && LaunchChecks.InPackets(args.CosSin);
        RopeLaunch launch = new()
        {
            X = args.X.Address,
            CosSin = args.CosSin.Address,
            Heads = heads,
            HeadDim = headDim,
            XStride = args.X.RowStride,
            Packed = packed ? 1 : 0,
        };
        int items = heads * (headDim / 2 / (packed ? packet : 1));
        int threads = Math.Min(Threads, LaunchChecks.Threads(items));
        Dim3 grid = new((uint)args.X.Rows, (uint)LaunchChecks.Blocks(items, threads));
        (args.Inverse ? _backward : _forward).Launch(_session.Stream, new LaunchShape(grid, threads), launch);
    }

    public void Dispose() => _frequencies.Dispose();
}

/// <summary>RopeArgs of rope.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RopeLaunch
{
    public nint X;
    public nint CosSin;
    public int Heads;
    public int HeadDim;
    public int XStride;
    public int Packed;
}
