using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu;

/// <summary>
/// Temporary memory of the operation that is running: one block that grows to the largest request and is kept, for operations whose
/// arguments bring no arena.
/// </summary>
internal sealed unsafe class CpuWorkspace(CpuMemory memory) : IDisposable
{
    private TensorStorage? _storage;

    /// <summary>Room for <paramref name="count"/> floats with undefined contents; invalidates what was handed out before.</summary>
    public float* Floats(long count)
    {
        long bytes = count * sizeof(float);
        if (_storage is null || _storage.ByteLength < bytes)
        {
            _storage?.Dispose();
            _storage = null;
            _storage = memory.Allocate(SizeOf(count));
        }

        return (float*)_storage.Address;
    }

    /// <summary>Bytes of the block that a largest request of <paramref name="count"/> floats can lead to.</summary>
    public static long SizeOf(long count) => count * sizeof(float) * 5 / 4;

    /// <inheritdoc/>
    public void Dispose() => _storage?.Dispose();
}
