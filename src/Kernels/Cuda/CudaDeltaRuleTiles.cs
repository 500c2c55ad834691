using Rm.Kernels.Ops;

namespace Rm.Kernels.Cuda;

/// <summary>
/// How the kernels of a gated delta rule share out a head's values, and the shared memory that they take: the sizes of
/// native/cuda/delta_rule_forward.cu and delta_rule_backward.cu, which this repeats for the launches. A function of the head's sizes alone.
/// </summary>
/// <param name="Shape">Sizes.</param>
internal readonly record struct CudaDeltaRuleTiles(DeltaRuleShape Shape)
{
    /// <summary>Threads of a block of any of the kernels.</summary>
    public const int Threads = 256;

    /// <summary>Tokens of a piece, in which the rule is computed.</summary>
    public const int Piece = 16;

    /// <summary>Largest head of keys of which every kernel has room for eight columns of values.</summary>
    public const int MaxKeyDim = 384;

    private const int MaxForwardSlice = 128;
    private const int MaxBackwardSlice = 64;
    private const int Square = Piece * (Piece + 1);

    // What a block can have on sm_86 and sm_89, less the sums of g, which have a kilobyte by themselves.
    private const int MaxSharedBytes = (99 << 10) - (1 << 10);

    /// <summary>Columns of values of a block of the forward kernel.</summary>
    public int ForwardSlice => Slice(MaxForwardSlice, ForwardBytes);

    /// <summary>Blocks that share a value head in forward.</summary>
    public int ForwardSlices => LaunchChecks.Blocks(Shape.ValueDim, ForwardSlice);

    /// <summary>Dynamic shared memory of the forward kernel.</summary>
    public int ForwardSharedBytes => ForwardBytes(ForwardSlice);

    /// <summary>Columns of values of a block of the backward kernel.</summary>
    public int BackwardSlice => Slice(MaxBackwardSlice, BackwardBytes);

    /// <summary>Blocks that share a value head in backward.</summary>
    public int BackwardSlices => LaunchChecks.Blocks(Shape.ValueDim, BackwardSlice);

    /// <summary>Dynamic shared memory of the backward kernel.</summary>
    public int BackwardSharedBytes => BackwardBytes(BackwardSlice);

    private int Keys => Eights(Shape.KeyDim);

    private int PieceFloats => (2 * Piece * (Keys + 1)) + Square + (3 * Piece);

    private int Slice(int largest, Func<int, int> bytes)
    {
        int slices = 1;
        while (Width(slices) is > 8 and var slice && (slice > largest || bytes(slice) > MaxSharedBytes))
        {
            slices++;
        }

        return Width(slices);
    }

    private int Width(int slices) => Eights(LaunchChecks.Blocks(Shape.ValueDim, slices));

    private int ForwardBytes(int slice) => sizeof(float) * ((Keys * slice) + (Piece * slice) + PieceFloats);

    private int BackwardBytes(int slice) => sizeof(float) *
        ((Keys * ((2 * slice) + 1)) + (Piece * ((3 * slice) + 1)) + (2 * Square) + (3 * Piece) + 32 + PieceFloats);

    private static int Eights(int count) => (count + 7) / 8 * 8;
}
