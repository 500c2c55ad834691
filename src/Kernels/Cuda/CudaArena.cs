using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Stack allocation of device memory out of a few large blocks. A block that was obtained stays for the next micro-batch. Order with the
/// device is by stream: memory released and taken again is written by work queued later.
/// </summary>
internal sealed class CudaArena : TensorArena
{
    /// <summary>Block size unless one tensor needs more.</summary>
    public const long DefaultBlockBytes = 256L << 20;

    private const int OffsetBits = 44;

    private readonly CudaDevice _device;
    private readonly long _blockBytes;
    private readonly List<Block> _blocks = [];
    private int _current;
    private long _inUse;
    private long _peak;

    /// <summary>An arena on <paramref name="device"/>.</summary>
    /// <param name="device">Where the memory is.</param>
    /// <param name="blockBytes">
    /// Smallest amount to ask the driver for. 0 gives each tensor an allocation of exactly its size, so that the emulator and
    /// compute-sanitizer see where each one ends.
    /// </param>
    public CudaArena(CudaDevice device, long blockBytes = DefaultBlockBytes)
    {
        _device = device;
        _blockBytes = blockBytes;
    }

    /// <inheritdoc/>
    public override long Mark => ((long)_current << OffsetBits) | (_current < _blocks.Count ? _blocks[_current].Used : 0);

    /// <inheritdoc/>
    public override long UsedBytes => _inUse;

    /// <inheritdoc/>
    public override long PeakBytes => _peak;

    /// <summary>Bytes held from the driver, in use or not.</summary>
    public long ReservedBytes => _blocks.Sum(static block => block.Storage.ByteLength);

    /// <inheritdoc/>
    /// <exception cref="CudaException">Out of device memory.</exception>
    public override Tensor Allocate(DType dtype, Shape shape)
    {
        long bytes = checked(shape.Count * dtype.Size());
        bytes = _blockBytes == 0 ? Math.Max(1, bytes) : Occupied(bytes);
        if (_current < _blocks.Count && !Fits(_blocks[_current], bytes))
        {
            if (_blocks[_current].Used != 0)
            {
                _current++;
            }

            // Blocks above the mark are empty; those that are too small make room for one that is not.
            while (_current < _blocks.Count && !Fits(_blocks[_current], bytes))
            {
                _blocks[_current].Storage.Dispose();
                _blocks.RemoveAt(_current);
            }
        }

        if (_current == _blocks.Count)
        {
            _blocks.Add(new Block(new CudaStorage(_device, Math.Max(bytes, Occupied(_blockBytes)))));
        }

        Block block = _blocks[_current];
        Tensor tensor = new(block.Storage, block.Used, dtype, shape);
        block.Used += bytes;
        _inUse += Occupied(bytes);
        _peak = Math.Max(_peak, _inUse);
        return tensor;
    }

    /// <inheritdoc/>
    public override void Release(long mark)
    {
        int index = (int)(mark >> OffsetBits);
        long used = mark & ((1L << OffsetBits) - 1);
        if (mark < 0 || mark > Mark)
        {
            throw new ArgumentOutOfRangeException(nameof(mark), "The mark is not below the arena's present one.");
        }

        for (int i = _blocks.Count - 1; i >= index && i >= 0; i--)
        {
            long keep = i == index ? used : 0;
            _inUse -= Counted(_blocks[i].Used) - Counted(keep);
            _blocks[i].Used = keep;
        }

        _current = index;
    }

    /// <inheritdoc/>
    /// <exception cref="CudaException">Out of device memory.</exception>
    public override void Reserve(long bytes)
    {
        if (_blockBytes == 0 || _inUse != 0 || (_blocks.Count == 1 && _blocks[0].Storage.ByteLength >= bytes))
        {
            return;
        }

        Release(0);
        Trim();
        _blocks.Add(new Block(new CudaStorage(_device, Occupied(bytes))));
    }

    /// <inheritdoc/>
    public override void Trim()
    {
        int keep = _current < _blocks.Count && _blocks[_current].Used != 0 ? _current + 1 : _current;
        for (int i = _blocks.Count - 1; i >= keep; i--)
        {
            _blocks[i].Storage.Dispose();
            _blocks.RemoveAt(i);
        }
    }

    protected override void Dispose(bool disposing)
    {
        foreach (Block block in _blocks)
        {
            block.Storage.Dispose();
        }

        _blocks.Clear();
        _current = 0;
        _inUse = 0;
    }

    // An allocation of exactly a tensor's size counts as what the tensor would take of a block.
    private static long Counted(long used) => used == 0 ? 0 : Occupied(used);

    private bool Fits(Block block, long bytes) => _blockBytes == 0
        ? block.Used == 0 && block.Storage.ByteLength == bytes
        : bytes <= block.Storage.ByteLength - block.Used;

    private sealed class Block(CudaStorage storage)
    {
        public CudaStorage Storage { get; } = storage;

        public long Used { get; set; }
    }
}
