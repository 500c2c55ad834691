using System.Runtime.InteropServices;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu;

/// <summary>Source of aligned native memory for one backend; counts what is in use for reports.</summary>
internal sealed class CpuMemory
{
    private long _allocatedBytes;
    private long _peakBytes;

    /// <summary>Bytes allocated and not yet freed.</summary>
    public long AllocatedBytes => Interlocked.Read(ref _allocatedBytes);

    /// <summary>Most bytes that were allocated at once.</summary>
    public long PeakBytes => Interlocked.Read(ref _peakBytes);

    /// <summary>A block with undefined contents, aligned to <see cref="TensorArena.Alignment"/>.</summary>
    /// <exception cref="InvalidOperationException">The system has not that much memory.</exception>
    public TensorStorage Allocate(long bytes)
    {
        var storage = new CpuStorage(this, bytes);
        Track(bytes);
        return storage;
    }

    /// <summary>Counts memory that another owner allocated, or with a negative size, freed.</summary>
    public void Track(long bytes)
    {
        long now = Interlocked.Add(ref _allocatedBytes, bytes);
        long peak = Interlocked.Read(ref _peakBytes);
        while (now > peak)
        {
            long seen = Interlocked.CompareExchange(ref _peakBytes, now, peak);
            if (seen == peak)
            {
                break;
            }

            peak = seen;
        }
    }

    /// <summary>What to tell the user when the system refuses memory.</summary>
    public InvalidOperationException Refused(long bytes, Exception cause) => new(
        $"The system refused {bytes:N0} bytes of memory ({AllocatedBytes:N0} are in use). Use a smaller micro-batch token budget, shorter "
        + "sequences or a smaller model, or free memory.", cause);

    /// <summary>One block of native memory.</summary>
    internal sealed unsafe class CpuStorage : TensorStorage
    {
        private readonly CpuMemory _memory;
        private void* _block;

        public CpuStorage(CpuMemory memory, long bytes) : base(bytes)
        {
            _memory = memory;
            try
            {
                _block = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), TensorArena.Alignment);
            }
            catch (OutOfMemoryException e)
            {
                GC.SuppressFinalize(this);
                throw memory.Refused(bytes, e);
            }
        }

        ~CpuStorage() => Dispose(disposing: false);

        internal override nint Address
        {
            get
            {
                ObjectDisposedException.ThrowIf(_block is null, this);
                return (nint)_block;
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (_block is not null)
            {
                NativeMemory.AlignedFree(_block);
                _block = null;
                _memory.Track(-ByteLength);
            }
        }
    }
}
