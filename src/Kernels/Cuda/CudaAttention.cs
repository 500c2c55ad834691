using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/attention_forward.cu and attention_backward.cu, for one activation type and head sizes up to 256.
/// </summary>
internal sealed class CudaAttention : IDisposable
{
    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly Dictionary<int, Kernels> _kernels = [];

    // Every layer but the last asks with all rows; the lists of both kinds stay while the layers pass.
    private readonly CudaAttentionLists _allRows;
    private readonly CudaAttentionLists _someRows;

    /// <summary>For activations of <paramref name="dtype"/>; kernels are loaded when a head size first asks for them.</summary>
    public CudaAttention(CudaSession session, DType dtype)
    {
        LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _allRows = new CudaAttentionLists(session);
        _someRows = new CudaAttentionLists(session);
    }

    /// <summary>O and Lse of <see cref="AttentionForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">
    /// A tensor's type or shape, the head size, the layout or the query rows are not what the kernels take.
    /// </exception>
    public void Forward(AttentionForwardArgs args)
    {
        using NvtxRange range = new("attention_forward"u8);
        Problem problem = Check(
            args.Layout, args.QueryRows, args.Q, args.K, args.V, args.O, args.Lse, args.HeadDim, args.Scale, args.Window, args.Softcap);
        if (problem.Rows == 0)
        {
            return;
        }

        CudaAttentionLists lists = Lists(args.Layout, args.QueryRows, problem.Tiles);
        AttentionForwardLaunch launch = new()
        {
            Q = args.Q.Address,
            K = args.K.Address,
            V = args.V.Address,
            O = args.O.Address,
            Lse = args.Lse.Address,
            Blocks = lists.ForwardBlocks.Address,
            SlotRows = lists.SlotRows.Address,
            SlotTokens = lists.SlotTokens.Address,
            Ldq = args.Q.RowStride,
            Ldk = args.K.RowStride,
            Ldv = args.V.RowStride,
            Ldo = args.O.RowStride,
            Heads = problem.Heads,
            HeadsPerGroup = problem.HeadsPerGroup,
            HeadDim = args.HeadDim,
            Packets = InPackets(args.HeadDim, args.Q, args.K, args.V, args.O) ? 1 : 0,
            Window = args.Window,
            Scale = args.Scale,
            Softcap = args.Softcap,
        };
        CudaAttentionTiles tiles = problem.Tiles;
        LaunchShape shape = new(checked(lists.ForwardBlocks.Count * problem.Heads), tiles.Threads, tiles.ForwardSharedBytes);
        KernelsFor(tiles).Forward.Launch(_session.Stream, shape, launch);
    }

    /// <summary>DQ, DK and DV of <see cref="AttentionBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">
    /// A tensor's type or shape, the head size, the layout or the query rows are not what the kernels take.
    /// </exception>
    public void Backward(AttentionBackwardArgs args)
    {
        using NvtxRange range = new("attention_backward"u8);
        Problem problem = Check(
            args.Layout, args.QueryRows, args.Q, args.K, args.V, args.O, args.Lse, args.HeadDim, args.Scale, args.Window, args.Softcap);
        LaunchChecks.Strided(nameof(args.DO), args.DO, _dtype, args.Q.Rows, args.Q.Columns);
        LaunchChecks.Strided(nameof(args.DQ), args.DQ, _dtype, args.Q.Rows, args.Q.Columns);
        LaunchChecks.Strided(nameof(args.DK), args.DK, _dtype, args.K.Rows, args.K.Columns);
        LaunchChecks.Strided(nameof(args.DV), args.DV, _dtype, args.K.Rows, args.K.Columns);
        CudaAttentionTiles tiles = problem.Tiles;
        CudaAttentionLists lists = Lists(args.Layout, args.QueryRows, tiles);
        Kernels kernels = KernelsFor(tiles);
        bool packets = InPackets(args.HeadDim, args.Q, args.K, args.V, args.O, args.DO, args.DQ, args.DK, args.DV);
        long mark = args.Scratch.Mark;
        Tensor delta = args.Scratch.Allocate(DType.F32, new Shape(problem.Rows, problem.Heads));
        if (problem.Rows != 0)
        {
            AttentionDeltaLaunch sums = new()
            {
                DOut = args.DO.Address,
                O = args.O.Address,
                Delta = delta.Address,
                LdOut = args.DO.RowStride,
                Ldo = args.O.RowStride,
                Rows = problem.Rows,
                Heads = problem.Heads,
                HeadDim = args.HeadDim,
                Packets = packets ? 1 : 0,
            };
            int blocks = checked(LaunchChecks.Blocks(problem.Rows, tiles.BackwardRows) * problem.Heads);
            kernels.Delta.Launch(_session.Stream, new LaunchShape(blocks, tiles.Threads, tiles.DeltaSharedBytes), sums);
        }

        AttentionBackwardLaunch launch = new()
        {
            DOut = args.DO.Address,
            Q = args.Q.Address,
            K = args.K.Address,
            V = args.V.Address,
            Lse = args.Lse.Address,
            Delta = delta.Address,
            Dq = args.DQ.Address,
            Dk = args.DK.Address,
            Dv = args.DV.Address,
            Blocks = lists.QueryBlocks.Address,
            Ranges = lists.Ranges.Address,
            SlotRows = lists.SlotRows.Address,
            SlotTokens = lists.SlotTokens.Address,
            LdOut = args.DO.RowStride,
            Ldq = args.Q.RowStride,
            Ldk = args.K.RowStride,
            Ldv = args.V.RowStride,
            LdDq = args.DQ.RowStride,
            LdDk = args.DK.RowStride,
            LdDv = args.DV.RowStride,
            Heads = problem.Heads,
            HeadsPerGroup = problem.HeadsPerGroup,
            HeadDim = args.HeadDim,
            Packets = packets ? 1 : 0,
            Window = args.Window,
            Scale = args.Scale,
            Softcap = args.Softcap,
        };
        Launch(kernels.Query, tiles, lists.QueryBlocks.Count * (long)problem.Heads, launch);
        launch.Blocks = lists.KeyBlocks.Address;
        Launch(kernels.Key, tiles, lists.KeyBlocks.Count * (long)(problem.Heads / problem.HeadsPerGroup) * tiles.KeyParts, launch);

        // Whoever takes this memory next writes to it in the order of the stream.
        args.Scratch.Release(mark);
    }

    public void Dispose()
    {
        _allRows.Dispose();
        _someRows.Dispose();
    }

    private void Launch(CudaKernel kernel, CudaAttentionTiles tiles, long blocks, AttentionBackwardLaunch launch)
    {
        if (blocks != 0)
        {
            kernel.Launch(_session.Stream, new LaunchShape(checked((int)blocks), tiles.Threads, tiles.BackwardSharedBytes), launch);
        }
    }

    private Problem Check(
        PreparedLayout layout, int[]? queryRows, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, int headDim, float scale, int window,
        float softcap)
    {
        if (headDim is < 1 or > CudaAttentionTiles.MaxHeadDim)
        {
            throw new ArgumentException(
                $"The attention kernels take heads of 1 to {CudaAttentionTiles.MaxHeadDim}, not of {headDim}.", nameof(headDim));
        }

        if (k.Columns == 0 || k.Columns % headDim != 0 || q.Columns == 0 || q.Columns % k.Columns != 0)
        {
            throw new ArgumentException(
                $"Q with {q.Columns} columns and K with {k.Columns} are no whole numbers of heads of {headDim}, or no whole groups.",
                nameof(headDim));
        }

        if (!(scale > 0) || float.IsInfinity(scale))
        {
            throw new ArgumentException($"The scale of attention scores must be a positive number, not {scale}.", nameof(scale));
        }

        if (window < 0 || !(softcap >= 0) || float.IsInfinity(softcap))
        {
            throw new ArgumentException($"A window of {window} keys or a cap of {softcap} on scores is none.", nameof(window));
        }

        int tokens = layout.Layout.TokenCount, rows = queryRows?.Length ?? tokens, heads = q.Columns / headDim;
        LaunchChecks.Strided("Q", q, _dtype, rows, q.Columns);
        LaunchChecks.Strided("K", k, _dtype, tokens, k.Columns);
        LaunchChecks.Strided("V", v, _dtype, tokens, k.Columns);
        LaunchChecks.Strided("O", o, _dtype, rows, q.Columns);
        LaunchChecks.Contiguous("Lse", lse, DType.F32, rows, heads);
        return new Problem(CudaAttentionTiles.For(_dtype, headDim), rows, heads, q.Columns / k.Columns);
    }

    // Whether every row and every head starts at a multiple of 16 bytes; without, the kernels copy element by element.
    private static bool InPackets(int headDim, params ReadOnlySpan<Tensor> tensors)
    {
        foreach (Tensor tensor in tensors)
        {
            int size = tensor.DType.Size();
            if (headDim * size % LaunchChecks.PacketBytes != 0 || tensor.Address % LaunchChecks.PacketBytes != 0
                || (tensor.Rows > 1 && (long)tensor.RowStride * size % LaunchChecks.PacketBytes != 0))
            {
                return false;
            }
        }

        return true;
    }

    private CudaAttentionLists Lists(PreparedLayout layout, int[]? queryRows, CudaAttentionTiles tiles)
    {
        CudaAttentionLists lists = queryRows is null ? _allRows : _someRows;
        lists.Load(layout, queryRows, tiles);
        return lists;
    }

    private Kernels KernelsFor(CudaAttentionTiles tiles)
    {
        if (!_kernels.TryGetValue(tiles.PaddedDim, out Kernels? kernels))
        {
            kernels = new Kernels(_session, tiles);
            _kernels.Add(tiles.PaddedDim, kernels);
        }

        return kernels;
    }

    private readonly record struct Problem(CudaAttentionTiles Tiles, int Rows, int Heads, int HeadsPerGroup);

    private sealed class Kernels
    {
        public Kernels(CudaSession session, CudaAttentionTiles tiles)
        {
            string variant = $"{LaunchChecks.Suffix(tiles.DType)}_d{tiles.PaddedDim}";
            Forward = session.Kernels.Get($"attention_forward_{variant}");
            Delta = session.Kernels.Get($"attention_backward_{variant}_delta");
            Query = session.Kernels.Get($"attention_backward_{variant}_query");
            Key = session.Kernels.Get($"attention_backward_{variant}_key");
            Forward.AllowSharedMemory(tiles.ForwardSharedBytes);
            Delta.AllowSharedMemory(tiles.DeltaSharedBytes);
            Query.AllowSharedMemory(tiles.BackwardSharedBytes);
            Key.AllowSharedMemory(tiles.BackwardSharedBytes);
        }

        public CudaKernel Forward { get; }

        public CudaKernel Delta { get; }

        public CudaKernel Query { get; }

        public CudaKernel Key { get; }
    }
}

/// <summary>AttentionForwardArgs of attention_forward.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AttentionForwardLaunch
{
    public nint Q;
    public nint K;
    public nint V;
    public nint O;
    public nint Lse;
    public nint Blocks;
    public nint SlotRows;
    public nint SlotTokens;
    public int Ldq;
    public int Ldk;
    public int Ldv;
    public int Ldo;
    public int Heads;
    public int HeadsPerGroup;
    public int HeadDim;
    public int Packets;
    public int Window;
    public float Scale;
    public float Softcap;
}

/// <summary>AttentionDeltaArgs of attention_backward.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AttentionDeltaLaunch
{
    public nint DOut;
    public nint O;
    public nint Delta;
    public int LdOut;
    public int Ldo;
    public int Rows;
    public int Heads;
    public int HeadDim;
    public int Packets;
}

/// <summary>AttentionBackwardArgs of attention_backward.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AttentionBackwardLaunch
{
    public nint DOut;
    public nint Q;
    public nint K;
    public nint V;
    public nint Lse;
    public nint Delta;
    public nint Dq;
    public nint Dk;
    public nint Dv;
    public nint Blocks;
    public nint Ranges;
    public nint SlotRows;
    public nint SlotTokens;
    public int LdOut;
    public int Ldq;
    public int Ldk;
    public int Ldv;
    public int LdDq;
    public int LdDk;
    public int LdDv;
    public int Heads;
    public int HeadsPerGroup;
    public int HeadDim;
    public int Packets;
    public int Window;
    public float Scale;
    public float Softcap;
}
