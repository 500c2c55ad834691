using System.Runtime.InteropServices;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>Owns uninitialised native memory aligned to a cache line; large buffers ask for huge pages where the system has them.</summary>
internal sealed unsafe partial class NativeBuffer : SafeHandle
{
    private const nuint CacheLine = 64;
    private const nuint HugePage = 2 << 20;
    private const int AdviseHugePage = 14;

    /// <summary>Allocates <paramref name="bytes"/> bytes.</summary>
    /// <exception cref="ArgumentException">The size is negative.</exception>
    /// <exception cref="OutOfMemoryException">The system has not that much memory.</exception>
    public NativeBuffer(long bytes)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        nuint size = (nuint)Math.Max(bytes, (long)CacheLine);
        bool large = size >= HugePage;
        void* memory = NativeMemory.AlignedAlloc(size, large ? HugePage : CacheLine);
        SetHandle((nint)memory);
        Bytes = (long)size;
        GC.AddMemoryPressure(Bytes);
        if (large && OperatingSystem.IsLinux())
        {
            // Panels are read as long streams: fewer TLB misses. Only a hint, so a refusal changes nothing but speed; and only for whole
            // huge pages, so that the end of the buffer does not take another one.
            _ = AdviseMemory(memory, size / HugePage * HugePage, AdviseHugePage);
        }
    }

    /// <summary>Size of the memory in bytes, at least what was asked for.</summary>
    public long Bytes { get; }

    /// <summary>The memory, aligned to 64 bytes.</summary>
    /// <exception cref="ObjectDisposedException">The memory is freed.</exception>
    public void* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsInvalid || IsClosed, this);
            return (void*)handle;
        }
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        NativeMemory.AlignedFree((void*)handle);
        GC.RemoveMemoryPressure(Bytes);
        return true;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int AdviseMemory(void* address, nuint length, int advice);
}
