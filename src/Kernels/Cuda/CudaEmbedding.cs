using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// The embedding table: a gather of native/cuda/rows.cu, and the launcher of native/cuda/embedding.cu, for one activation type.
/// </summary>
internal sealed class CudaEmbedding
{
    private const int Threads = 256;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaRows _rows;
    private readonly CudaKernel _backward;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaEmbedding(CudaSession session, DType dtype, CudaRows rows)
    {
        _session = session;
        _dtype = dtype;
        _rows = rows;
        _backward = session.Kernels.Get($"embedding_backward_{LaunchChecks.Suffix(dtype)}");
    }

    /// <summary>X of <see cref="EmbeddingForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit, or a token id is outside the table.</exception>
    public void Forward(EmbeddingForwardArgs args)
    {
        var layout = CudaPreparedLayout.Own(args.Layout);
        CheckTokens(layout.Layout.Tokens, args.Table.Rows);
        if (args.Table.DType != DType.F32 && args.Table.DType != _dtype)
        {
            throw new ArgumentException($"Table is {args.Table.DType}; it must be {DType.F32} or {_dtype}.", nameof(args));
        }

        LaunchChecks.Strided(nameof(args.X), args.X, _dtype, layout.Layout.TokenCount, args.Table.Columns);
        _rows.Gather(args.Table, layout.Tokens, args.X);
    }

    /// <summary>DTable of <see cref="EmbeddingBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit, or a token id is outside the table.</exception>
    public void Backward(EmbeddingBackwardArgs args)
    {
        using NvtxRange range = new("embedding_backward"u8);
        var layout = CudaPreparedLayout.Own(args.Layout);
        int columns = args.DTable.Columns;
        CheckTokens(layout.Layout.Tokens, args.DTable.Rows);
        LaunchChecks.Contiguous(nameof(args.DX), args.DX, _dtype, layout.Layout.TokenCount, columns);
        LaunchChecks.Contiguous(nameof(args.DTable), args.DTable, DType.F32, args.DTable.Rows, columns);
        if (layout.Layout.TokenCount == 0)
        {
            return;
        }

        TokenBuckets buckets = layout.Buckets;
        EmbeddingBackwardLaunch launch = new()
        {
            DX = args.DX.Address,
            Ids = buckets.Ids.Address,
            Starts = buckets.Starts.Address,
            Order = buckets.Order.Address,
            DTable = args.DTable.Address,
            Columns = columns,
        };
        Dim3 grid = new((uint)buckets.Ids.Columns, (uint)LaunchChecks.Blocks(columns, Threads));
        _backward.Launch(_session.Stream, new LaunchShape(grid, Threads), launch);
    }

    private static void CheckTokens(int[] tokens, int vocabulary)
    {
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)vocabulary)
            {
                throw new ArgumentException($"Token id {token} is outside the embedding table of {vocabulary} rows.", nameof(tokens));
            }
        }
    }
}

/// <summary>EmbeddingBackwardArgs of embedding.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EmbeddingBackwardLaunch
{
    public nint DX;
    public nint Ids;
    public nint Starts;
    public nint Order;
    public nint DTable;
    public int Columns;
}
