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
        var layout = CudaPreparedLayout.Own(args.Layout);
        int tokens = args.CosSin.Rows, half = args.InverseFrequencies.Length;
        if (args.FirstToken < 0 || args.FirstToken > layout.Layout.TokenCount - tokens)
        {
            throw new ArgumentException(
                $"Tokens {args.FirstToken} to {args.FirstToken + tokens} are not all of the {layout.Layout.TokenCount} of the layout.",
                nameof(args));
        }

        LaunchChecks.Contiguous(nameof(args.CosSin), args.CosSin, DType.F32, tokens, 2 * half);
        if (tokens != 0)
        {
            LaunchShape shape = new(tokens, Math.Min(Threads, LaunchChecks.Threads(half)));
            _table.Launch(_session.Stream, shape, new RopeTableLaunch
            {
                Positions = layout.Positions.Address + (args.FirstToken * sizeof(int)),
                InverseFrequencies = _frequencies.Of(args.InverseFrequencies).Address,
                CosSin = args.CosSin.Address,
                Half = half,
                GrowthLength = args.GrowthLength,
                Growth = args.Growth,
                Scale = args.Scale,
            });
        }
    }

    /// <summary>X of <see cref="RopeApplyArgs"/>, rotated in place.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Apply(RopeApplyArgs args)
    {
        using NvtxRange range = new("rope"u8);
        int rotated = args.CosSin.Columns, headDim = args.HeadDim == 0 ? rotated : args.HeadDim;
        int heads = LaunchChecks.Heads(nameof(args.X), args.X, headDim);
        LaunchChecks.Strided(nameof(args.X), args.X, _dtype, args.X.Rows, args.X.Columns);
        LaunchChecks.Contiguous(nameof(args.CosSin), args.CosSin, DType.F32, args.X.Rows, rotated);
        if (rotated % 2 != 0 || rotated > headDim)
        {
            throw new ArgumentException($"{rotated} of {headDim} features of a head have no halves to rotate.", nameof(args));
        }

        if (args.X.Rows == 0)
        {
            return;
        }

        int packet = LaunchChecks.PacketBytes / _dtype.Size();
        bool packed = rotated / 2 % packet == 0 && headDim % packet == 0 && LaunchChecks.InPackets(args.X)
            && LaunchChecks.InPackets(args.CosSin);
        RopeLaunch launch = new()
        {
            X = args.X.Address,
            CosSin = args.CosSin.Address,
            Heads = heads,
            HeadDim = headDim,
            Rotated = rotated,
            XStride = args.X.RowStride,
            Packed = packed ? 1 : 0,
        };
        int items = heads * (rotated / 2 / (packed ? packet : 1));
        int threads = Math.Min(Threads, LaunchChecks.Threads(items));
        Dim3 grid = new((uint)args.X.Rows, (uint)LaunchChecks.Blocks(items, threads));
        (args.Inverse ? _backward : _forward).Launch(_session.Stream, new LaunchShape(grid, threads), launch);
    }

    public void Dispose() => _frequencies.Dispose();
}

/// <summary>RopeTableArgs of rope.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RopeTableLaunch
{
    public nint Positions;
    public nint InverseFrequencies;
    public nint CosSin;
    public int Half;
    public int GrowthLength;
    public float Growth;
    public float Scale;
}

/// <summary>RopeArgs of rope.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RopeLaunch
{
    public nint X;
    public nint CosSin;
    public int Heads;
    public int HeadDim;
    public int Rotated;
    public int XStride;
    public int Packed;
}
