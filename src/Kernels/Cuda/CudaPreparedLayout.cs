using System.Runtime.InteropServices;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// A packed micro-batch on the device: token ids, positions, token keys and segments in one upload, and whatever else operations
/// derive from it (<see cref="Upload"/>), all given back together.
/// </summary>
internal sealed class CudaPreparedLayout : PreparedLayout
{
    private const int SegmentMembers = 4;

    private readonly CudaSession _session;
    private readonly CudaBufferPool _pool;
    private readonly List<CudaStorage> _buffers = [];
    private TokenBuckets? _buckets;
    private CudaSegmentLists? _segmentLists;
    private bool _disposed;

    /// <summary>Uploads <paramref name="layout"/>.</summary>
    public CudaPreparedLayout(CudaSession session, CudaBufferPool pool, SequenceLayout layout)
        : base(layout)
    {
        _session = session;
        _pool = pool;
        int tokens = layout.TokenCount;
        ReadOnlySpan<int> segments = MemoryMarshal.Cast<Segment, int>(layout.Segments.AsSpan());
        int[] all = new int[(3 * tokens) + segments.Length];
        layout.Tokens.CopyTo(all.AsSpan());
        layout.Positions.CopyTo(all.AsSpan(tokens));
        MemoryMarshal.Cast<uint, int>(layout.TokenKeys.AsSpan()).CopyTo(all.AsSpan(2 * tokens));
        segments.CopyTo(all.AsSpan(3 * tokens));
        Tensor buffer = Upload(all);
        Tokens = buffer.SliceColumns(0, tokens);
        Positions = buffer.SliceColumns(tokens, tokens);
        TokenKeys = buffer.SliceColumns(2 * tokens, tokens);
        Segments = buffer.SliceColumns(3 * tokens, segments.Length).Reshape(new Shape(layout.Segments.Length, SegmentMembers));
    }

    /// <summary>Token ids, <c>[T]</c>, int32.</summary>
    public Tensor Tokens { get; }

    /// <summary>Positions, <c>[T]</c>, int32.</summary>
    public Tensor Positions { get; }

    /// <summary>Keys of dropout masks, <c>[T]</c>, the bits of uint32.</summary>
    public Tensor TokenKeys { get; }

    /// <summary>Start, length, prefix start and prefix length of each segment, <c>[segments, 4]</c>, int32.</summary>
    public Tensor Segments { get; }

    /// <summary>Token rows sorted by token id; made at the first call.</summary>
    public TokenBuckets Buckets => _buckets ??= new TokenBuckets(this);

    /// <summary>
    /// The segments as gated delta nets walk them; made at the first call, and again for another <paramref name="chunk"/>. Who does not
    /// care for chunks gets those of the last call.
    /// </summary>
    public CudaSegmentLists SegmentLists(int? chunk = null)
    {
        if (_segmentLists is null || (chunk ?? _segmentLists.Chunk) != _segmentLists.Chunk)
        {
            _segmentLists = new CudaSegmentLists(this, chunk ?? SequenceLayoutBuilder.PrefixBlock);
        }

        return _segmentLists;
    }

    /// <summary>The layout as this backend prepared it.</summary>
    /// <exception cref="ArgumentException">Another backend prepared it.</exception>
    public static CudaPreparedLayout Own(PreparedLayout layout) => layout as CudaPreparedLayout
        ?? throw new ArgumentException("The layout was prepared by another backend.", nameof(layout));

    /// <summary>An int32 vector on the device, <c>[values.Length]</c>, that lives as long as the layout.</summary>
    public Tensor Upload(ReadOnlySpan<int> values)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        CudaStorage storage = _pool.Rent((long)values.Length * sizeof(int));
        _buffers.Add(storage);
        Tensor tensor = new(storage, 0, DType.I32, new Shape(values.Length));
        _session.Transfers.Upload(values, tensor);
        return tensor;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            _buffers.ForEach(_pool.Return);
            _buffers.Clear();
        }
    }
}
