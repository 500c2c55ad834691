using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/delta_rule_forward.cu, delta_rule_backward.cu and delta_rule_gradients.cu, for one activation type.
/// </summary>
internal sealed class CudaDeltaRule
{
    private const int RowsPerBlock = CudaDeltaRuleTiles.Threads / 32;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;
    private readonly CudaKernel _keys;
    private readonly CudaKernel _gates;
    private int _forwardBytes = SharedBytesWithoutAsking;
    private int _backwardBytes = SharedBytesWithoutAsking;

    // Dynamic shared memory that every kernel may have.
    private const int SharedBytesWithoutAsking = 47 << 10;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaDeltaRule(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _forward = session.Kernels.Get($"delta_rule_forward_{suffix}");
        _backward = session.Kernels.Get($"delta_rule_backward_{suffix}");
        _keys = session.Kernels.Get($"delta_rule_backward_{suffix}_keys");
        _gates = session.Kernels.Get($"delta_rule_backward_{suffix}_gates");
    }

    /// <summary>O, and States if asked for, of <see cref="DeltaRuleForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape, or a head's size, does not fit.</exception>
    public void Forward(DeltaRuleForwardArgs args)
    {
        using NvtxRange range = new("delta_rule_forward"u8);
        DeltaRuleShape shape = args.Shape;
        int tokens = Check(args.Layout, shape, args.Qkv, args.A, args.B, args.ALog, args.DtBias, args.States);
        LaunchChecks.Strided(nameof(args.O), args.O, _dtype, tokens, shape.ValueColumns);
        if (tokens == 0)
        {
            return;
        }

        CudaSegmentLists lists = CudaPreparedLayout.Own(args.Layout).SegmentLists(shape.Chunk);
        CudaDeltaRuleTiles tiles = new(shape);
        Allow(_forward, tiles.ForwardSharedBytes, ref _forwardBytes);
        DeltaRuleForwardLaunch launch = new()
        {
            Inputs = Inputs(shape, args.Qkv, args.A, args.B, args.ALog, args.DtBias, tiles.ForwardSlice),
            O = args.O.Address,
            States = args.States?.Address ?? 0,
            PrefixEnds = lists.Prefixes > 0 ? _session.Workspace(new Shape(lists.Prefixes, shape.StateColumns)).Address : 0,
            OStride = args.O.RowStride,
        };
        int blocks = shape.ValueHeads * tiles.ForwardSlices;
        launch.Inputs.Items = lists.Roots.Address;
        _forward.Launch(_session.Stream, Grid(lists.RootCount, blocks, tiles.ForwardSharedBytes), launch);
        if (lists.TailCount > 0)
        {
            launch.Inputs.Items = lists.Tails.Address;
            launch.Tails = 1;
            _forward.Launch(_session.Stream, Grid(lists.TailCount, blocks, tiles.ForwardSharedBytes), launch);
        }
    }

    /// <summary>All outputs of <see cref="DeltaRuleBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape, or a head's size, does not fit.</exception>
    public void Backward(DeltaRuleBackwardArgs args)
    {
        using NvtxRange range = new("delta_rule_backward"u8);
        DeltaRuleShape shape = args.Shape;
        int tokens = Check(args.Layout, shape, args.Qkv, args.A, args.B, args.ALog, args.DtBias, args.States);
        LaunchChecks.Strided(nameof(args.DO), args.DO, _dtype, tokens, shape.ValueColumns);
        LaunchChecks.Strided(nameof(args.DQkv), args.DQkv, _dtype, tokens, shape.QkvColumns);
        LaunchChecks.Strided(nameof(args.DA), args.DA, _dtype, tokens, shape.ValueHeads);
        LaunchChecks.Strided(nameof(args.DB), args.DB, _dtype, tokens, shape.ValueHeads);
        foreach ((string name, Tensor? gradient) in new[] { (nameof(args.DALog), args.DALog), (nameof(args.DDtBias), args.DDtBias) })
        {
            if (gradient is { } trained)
            {
                LaunchChecks.Contiguous(name, trained, DType.F32, 1, shape.ValueHeads);
            }
        }

        if (tokens == 0)
        {
            return;
        }

        CudaSegmentLists lists = CudaPreparedLayout.Own(args.Layout).SegmentLists(shape.Chunk);
        CudaDeltaRuleTiles tiles = new(shape);
        Allow(_backward, tiles.BackwardSharedBytes, ref _backwardBytes);
        int slices = tiles.BackwardSlices, blocks = shape.ValueHeads * slices;
        long mark = args.Scratch.Mark;
        Tensor units = args.Scratch.Allocate(DType.F32, new Shape(checked(slices * tokens), 2 * shape.ValueHeads * shape.KeyDim));
        Tensor gates = args.Scratch.Allocate(DType.F32, new Shape(2 * blocks, checked(2 * tokens))); // float64
        Tensor tailStarts = args.Scratch.Allocate(DType.F32, new Shape(Math.Max(1, lists.TailCount), shape.StateColumns));
        int kept = Math.Max(1, (shape.Chunk / CudaDeltaRuleTiles.Piece) - 1), launched = Math.Max(lists.RootCount, lists.TailCount);
        Tensor inner = args.Scratch.Allocate(
            DType.F32, new Shape(checked(launched * blocks * kept), shape.KeyDim * shape.ValueDim));
        DeltaRuleBackwardLaunch launch = new()
        {
            Inputs = Inputs(shape, args.Qkv, args.A, args.B, args.ALog, args.DtBias, tiles.BackwardSlice),
            DOut = args.DO.Address,
            States = args.States.Address,
            Dqkv = args.DQkv.Address,
            Units = units.Address,
            Gates = gates.Address,
            TailStarts = tailStarts.Address,
            Inner = inner.Address,
            DOutStride = args.DO.RowStride,
            DqkvStride = args.DQkv.RowStride,
            Tokens = tokens,
        };
        if (lists.TailCount > 0)
        {
            launch.Inputs.Items = lists.Tails.Address;
            launch.Tails = 1;
            _backward.Launch(_session.Stream, Grid(lists.TailCount, blocks, tiles.BackwardSharedBytes), launch);
        }

        launch.Inputs.Items = lists.Roots.Address;
        launch.Tails = 0;
        _backward.Launch(_session.Stream, Grid(lists.RootCount, blocks, tiles.BackwardSharedBytes), launch);
        SumSlices(args, units, gates, slices);

        // Whoever takes this memory next writes to it in the order of the stream.
        args.Scratch.Release(mark);
    }

    private void SumSlices(DeltaRuleBackwardArgs args, Tensor units, Tensor gates, int slices)
    {
        DeltaRuleShape shape = args.Shape;
        int tokens = args.Qkv.Rows;
        DeltaRuleKeysLaunch keys = new()
        {
            Units = units.Address,
            Qkv = args.Qkv.Address,
            Dqkv = args.DQkv.Address,
            QkvStride = args.Qkv.RowStride,
            DqkvStride = args.DQkv.RowStride,
            Tokens = tokens,
            KeyHeads = shape.KeyHeads,
            ValueHeads = shape.ValueHeads,
            KeyDim = shape.KeyDim,
            Slices = slices,
            Epsilon = shape.Epsilon,
        };
        int blocks = LaunchChecks.Blocks(checked(2 * tokens * shape.KeyHeads), RowsPerBlock);
        _keys.Launch(_session.Stream, new LaunchShape(blocks, CudaDeltaRuleTiles.Threads), keys);
        DeltaRuleGatesLaunch sums = new()
        {
            Gates = gates.Address,
            A = args.A.Address,
            B = args.B.Address,
            ALog = args.ALog.Address,
            DtBias = args.DtBias.Address,
            Da = args.DA.Address,
            Db = args.DB.Address,
            DaLog = args.DALog?.Address ?? 0,
            DdtBias = args.DDtBias?.Address ?? 0,
            AStride = args.A.RowStride,
            BStride = args.B.RowStride,
            DaStride = args.DA.RowStride,
            DbStride = args.DB.RowStride,
            Tokens = tokens,
            Slices = slices,
        };
        _gates.Launch(_session.Stream, new LaunchShape(shape.ValueHeads, CudaDeltaRuleTiles.Threads), sums);
    }

    private int Check(
        PreparedLayout layout, DeltaRuleShape shape, Tensor qkv, Tensor a, Tensor b, Tensor aLog, Tensor dtBias, Tensor? states)
    {
        shape.Check();
        if (shape.KeyDim > CudaDeltaRuleTiles.MaxKeyDim)
        {
            throw new ArgumentException(
                $"The delta rule's kernels take keys of 1 to {CudaDeltaRuleTiles.MaxKeyDim} features, not {shape.KeyDim}.", nameof(shape));
        }

        int tokens = layout.Layout.TokenCount;
        LaunchChecks.Strided("Qkv", qkv, _dtype, tokens, shape.QkvColumns);
        LaunchChecks.Strided("A", a, _dtype, tokens, shape.ValueHeads);
        LaunchChecks.Strided("B", b, _dtype, tokens, shape.ValueHeads);
        LaunchChecks.Contiguous("ALog", aLog, DType.F32, 1, shape.ValueHeads);
        LaunchChecks.Contiguous("DtBias", dtBias, DType.F32, 1, shape.ValueHeads);
        if (states is { } kept)
        {
            LaunchChecks.Contiguous("States", kept, DType.F32, shape.ChunkCount(layout.Layout), shape.StateColumns);
        }

        return tokens;
    }

    private static DeltaRuleInputsLaunch Inputs(
        DeltaRuleShape shape, Tensor qkv, Tensor a, Tensor b, Tensor aLog, Tensor dtBias, int slice) => new()
        {
            Qkv = qkv.Address,
            A = a.Address,
            B = b.Address,
            ALog = aLog.Address,
            DtBias = dtBias.Address,
            QkvStride = qkv.RowStride,
            AStride = a.RowStride,
            BStride = b.RowStride,
            KeyHeads = shape.KeyHeads,
            ValueHeads = shape.ValueHeads,
            KeyDim = shape.KeyDim,
            ValueDim = shape.ValueDim,
            Chunk = shape.Chunk,
            Slice = slice,
            Epsilon = shape.Epsilon,
        };

    private static void Allow(CudaKernel kernel, int bytes, ref int allowed)
    {
        if (bytes > allowed)
        {
            kernel.AllowSharedMemory(bytes);
            allowed = bytes;
        }
    }

    private static LaunchShape Grid(int items, int blocks, int bytes) =>
        new(checked(items * blocks), CudaDeltaRuleTiles.Threads, bytes);
}
