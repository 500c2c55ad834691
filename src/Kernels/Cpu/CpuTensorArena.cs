using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu;

/// <summary>A stack of tensors over a few large chunks of native memory, which are kept when the stack shrinks.</summary>
internal sealed class CpuTensorArena(CpuMemory memory) : TensorArena
{
    private const long SmallestChunk = 4L << 20;

    // A mark is a position in the concatenation of the chunks; live tensors are all in chunks up to the current one.
    private readonly List<TensorStorage> _chunks = [];
    private int _current;
    private long _currentBase;
    private long _offset;
    private long _peak;
    private bool _disposed;

    /// <inheritdoc/>
    public override long Mark => _currentBase + _offset;

    /// <inheritdoc/>
    public override long UsedBytes => Mark;

    /// <inheritdoc/>
    public override long PeakBytes => _peak;

    /// <inheritdoc/>
    public override Tensor Allocate(DType dtype, Shape shape)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        long bytes = Occupied(memory.SizeOf(dtype, shape));
        if (_chunks.Count == 0 || _offset + bytes > _chunks[_current].ByteLength)
        {
            MoveToNextChunk(bytes);
        }

        var tensor = new Tensor(_chunks[_current], _offset, dtype, shape);
        _offset += bytes;
        _peak = Math.Max(_peak, Mark);
        return tensor;
    }

    /// <inheritdoc/>
    public override void Release(long mark)
    {
        if (mark < 0 || mark > Mark)
        {
            throw new ArgumentOutOfRangeException(nameof(mark), $"Mark {mark} is not one of this arena: the present mark is {Mark}.");
        }

        while (mark < _currentBase)
        {
            _current--;
            _currentBase -= _chunks[_current].ByteLength;
        }

        _offset = mark - _currentBase;
    }

    /// <inheritdoc/>
    public override void Reserve(long bytes)
    {
        if (Mark == 0 && (_chunks.Count == 0 || _chunks[0].ByteLength < bytes))
        {
            FreeFrom(0);
            _chunks.Add(memory.Allocate(Occupied(bytes)));
        }
    }

    /// <inheritdoc/>
    public override void Trim()
    {
        FreeFrom(Mark == 0 ? 0 : _current + 1);
        if (_chunks.Count == 0)
        {
            (_current, _currentBase, _offset) = (0, 0, 0);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _disposed = true;
        FreeFrom(0);
    }

    private void MoveToNextChunk(long bytes)
    {
        int next = _chunks.Count == 0 ? 0 : _current + 1;
        if (next < _chunks.Count && _chunks[next].ByteLength < bytes)
        {
            FreeFrom(next);
        }

        if (next == _chunks.Count)
        {
            // Each chunk is at least as large as all before it, so that a micro-batch needs few and wastes little at their ends.
            _chunks.Add(memory.Allocate(Math.Max(bytes, Math.Max(SmallestChunk, _chunks.Sum(c => c.ByteLength)))));
        }

        _currentBase = next == 0 ? 0 : _currentBase + _chunks[_current].ByteLength;
        _current = next;
        _offset = 0;
    }

    private void FreeFrom(int index)
    {
        for (int i = index; i < _chunks.Count; i++)
        {
            _chunks[i].Dispose();
        }

        _chunks.RemoveRange(index, _chunks.Count - index);
    }
}
