using System.Runtime.InteropServices;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// <see cref="AttentionWork"/> of the layout that is being worked on, in device memory that is kept. Another layout overwrites it in the
/// order of the stream, after the kernels that read the one before; so it is built once a micro-batch, not once a layer.
/// </summary>
internal sealed class CudaAttentionLists(CudaSession session) : IDisposable
{
    private CudaStorage? _storage;
    private PreparedLayout? _layout;
    private CudaAttentionTiles _tiles;
    private int[]? _queryRows;

    /// <summary>Blocks of the forward kernel.</summary>
    public CudaAttentionList ForwardBlocks { get; private set; }

    /// <summary>Blocks of the kernel of dQ.</summary>
    public CudaAttentionList QueryBlocks { get; private set; }

    /// <summary>Blocks of the kernel of dK and dV.</summary>
    public CudaAttentionList KeyBlocks { get; private set; }

    /// <summary>Ranges of slots of <see cref="KeyBlocks"/>.</summary>
    public CudaAttentionList Ranges { get; private set; }

    /// <summary>Row of Q of each slot; address 0 where they are the same.</summary>
    public CudaAttentionList SlotRows { get; private set; }

    /// <summary>Token of each slot; address 0 where they are the same.</summary>
    public CudaAttentionList SlotTokens { get; private set; }

    /// <summary>Makes the lists those of a layout and of the rows of Q.</summary>
    /// <exception cref="ArgumentException">The segments or the query rows are not in order.</exception>
    public void Load(PreparedLayout layout, int[]? queryRows, CudaAttentionTiles tiles)
    {
        if (_layout == layout && _tiles == tiles && Same(_queryRows, queryRows))
        {
            return;
        }

        Segment[] segments = layout.Layout.Segments;
        AttentionSlots slots = new(layout.Layout, queryRows);
        int[] forward = AttentionWork.Queries(segments, slots, tiles.ForwardRows);
        int[] queries = AttentionWork.Queries(segments, slots, tiles.BackwardRows);
        (int[] keys, int[] ranges) = AttentionWork.Keys(segments, slots, tiles.BackwardRows);
        int[] all = [.. forward, .. queries, .. keys, .. ranges, .. slots.Rows ?? [], .. slots.Tokens ?? []];
        _layout = null;
        nint address = Upload(all);
        ForwardBlocks = Take(ref address, forward.Length, AttentionWork.QueryFields);
        QueryBlocks = Take(ref address, queries.Length, AttentionWork.QueryFields);
        KeyBlocks = Take(ref address, keys.Length, AttentionWork.KeyFields);
        Ranges = Take(ref address, ranges.Length, AttentionWork.RangeFields);
        SlotRows = slots.Rows is null ? default : Take(ref address, slots.Rows.Length, 1);
        SlotTokens = slots.Tokens is null ? default : Take(ref address, slots.Tokens.Length, 1);
        _layout = layout;
        _tiles = tiles;
        _queryRows = queryRows?.AsSpan().ToArray();
    }

    public void Dispose() => _storage?.Dispose();

    // The caller may have changed its array since, so the numbers count.
    private static bool Same(int[]? left, int[]? right) =>
        left is null || right is null ? left == right : left.AsSpan().SequenceEqual(right);

    private static CudaAttentionList Take(ref nint address, int length, int fields)
    {
        CudaAttentionList list = new(address, length / fields);
        address += length * sizeof(int);
        return list;
    }

    private nint Upload(int[] numbers)
    {
        long bytes = MemoryMarshal.AsBytes<int>(numbers).Length;
        if (_storage is null || _storage.ByteLength < bytes)
        {
            session.Stream.Synchronize();
            _storage?.Dispose();
            _storage = null;
            _storage = new CudaStorage(session.Device, bytes);
        }

        session.Transfers.Upload<int>(numbers, new Tensor(_storage, 0, DType.I32, new Shape(numbers.Length)));
        return _storage.Address;
    }
}

/// <summary>A list of int32 records on the device.</summary>
/// <param name="Address">Of the first one.</param>
/// <param name="Count">Number of records.</param>
internal readonly record struct CudaAttentionList(nint Address, int Count);
