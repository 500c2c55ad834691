namespace Rm.Kernels.Cpu.Attention;

/// <summary>Sizes of one attention call: H query heads in G groups of D features each.</summary>
internal readonly unsafe struct AttentionProblem
{
    public AttentionProblem(
        CpuPreparedLayout layout, int[]? queryRows, F32View q, F32View k, F32View v, int headDim, float scale, int window, float softcap)
    {
        if (headDim <= 0 || headDim % 2 != 0 || q.Columns % headDim != 0 || k.Columns % headDim != 0 || k.Columns == 0
            || q.Columns % k.Columns != 0)
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

        Window = window;
        Softcap = softcap;
        Keys = layout.Keys;
        HeadDim = headDim;
        PaddedDim = KeyBlocks.Padded(headDim);
        Groups = k.Columns / headDim;
        HeadsPerGroup = q.Columns / k.Columns;
        Scale = scale;
        Queries = layout.Queries(queryRows, HeadsPerGroup);
        Q = q;
        K = k;
        V = v;
    }

    public KeyBlocks Keys { get; }

    public QueryBlocks Queries { get; }

    public F32View Q { get; }

    public F32View K { get; }

    public F32View V { get; }

    /// <summary>D.</summary>
    public int HeadDim { get; }

    /// <summary>D in whole vectors.</summary>
    public int PaddedDim { get; }

    /// <summary>G.</summary>
    public int Groups { get; }

    /// <summary>H / G.</summary>
    public int HeadsPerGroup { get; }

    public float Scale { get; }

    /// <summary>Keys that a query sees, itself the last; 0 for all.</summary>
    public int Window { get; }

    /// <summary>Cap on scores, or 0.</summary>
    public float Softcap { get; }

    /// <summary>Rows of a full tile, padded for <see cref="TileProduct"/>.</summary>
    public int TileRows => PaddedTileRows(Queries.QueriesPerBlock);

    /// <summary>Floats of one operand packed for all groups, rows of D.</summary>
    public long PackedCount => (long)Groups * Keys.PaddedRows * HeadDim;

    /// <summary>Floats of workspace that backward takes, the larger of the two directions.</summary>
    public static long BackwardFloats(int paddedRows, int groups, int headDim) =>
        (long)groups * paddedRows * ((2 * headDim) + (3 * KeyBlocks.Padded(headDim)));

    /// <summary>Floats of one operand packed for all groups, rows padded to whole vectors.</summary>
    public long PaddedCount => (long)Groups * Keys.PaddedRows * PaddedDim;

    /// <summary>Rows of the tile of <paramref name="queries"/> queries, padded.</summary>
    public int PaddedTileRows(int queries) => ((queries * HeadsPerGroup) + TileProduct.Rows - 1) / TileProduct.Rows * TileProduct.Rows;

    /// <summary>Start of a group's key block in a transposed packed operand: <c>[D, padded keys of the block]</c>.</summary>
    public float* Transposed(float* packed, int group, int segment, int block) =>
        packed + ((((long)group * Keys.PaddedRows) + Keys.PaddedStart(segment) + (block * KeyBlocks.Size)) * HeadDim);

    /// <summary>Start of a group's key block in a row-wise packed operand: <c>[padded keys, padded D]</c>.</summary>
    public float* Padded(float* packed, int group, int segment, int block) =>
        packed + ((((long)group * Keys.PaddedRows) + Keys.PaddedStart(segment) + (block * KeyBlocks.Size)) * PaddedDim);

    /// <summary>Keys of a block that a query sees: all of a prefix, its own segment up to itself.</summary>
    /// <param name="ownSegment">Whether the block belongs to the query's own segment.</param>
    /// <param name="own">The query's index in its segment.</param>
    /// <param name="block">Index of the key block.</param>
    /// <param name="width">Keys of the block.</param>
    public static int VisibleKeys(bool ownSegment, int own, int block, int width) =>
        ownSegment ? Math.Clamp(own + 1 - (block * KeyBlocks.Size), 0, width) : width;

    /// <summary>First keys of a block that a query's window has left behind; its segment's prefix comes before its own keys.</summary>
    /// <param name="segment">The query's segment.</param>
    /// <param name="ownSegment">Whether the block belongs to it; else to its prefix.</param>
    /// <param name="own">The query's index in its segment.</param>
    /// <param name="block">Index of the key block.</param>
    /// <param name="width">Keys of the block.</param>
    public int HiddenKeys(int segment, bool ownSegment, int own, int block, int width) => Window == 0
        ? 0
        : Math.Clamp(own + (ownSegment ? 0 : Keys.Segments[segment].PrefixLength) - Window + 1 - (block * KeyBlocks.Size), 0, width);
}
