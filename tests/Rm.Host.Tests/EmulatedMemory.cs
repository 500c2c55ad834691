using System.Runtime.InteropServices;
using Rm.Kernels.Cuda;

namespace Rm.Host.Tests;

/// <summary>The memory of the emulated device, set by a test and given its usual size back at the end.</summary>
internal sealed unsafe class EmulatedMemory : IDisposable
{
    private const ulong Usual = 16UL << 30;

    private readonly delegate* unmanaged<ulong, ulong, int> _set;

    /// <summary>For a test that has opened the device. Skips on any other than the emulator.</summary>
    public EmulatedMemory()
    {
        Assert.SkipUnless(CudaDevices.IsEmulated, "only the emulator's memory can be set");
        nint library = NativeLibrary.Load(Environment.GetEnvironmentVariable("BTRM_CUDA_LIBRARY")!);
        _set = (delegate* unmanaged<ulong, ulong, int>)NativeLibrary.GetExport(library, "btrmEmuSetMemory");
    }

    /// <summary>Makes so many bytes free from now on.</summary>
    public void SetFree(long bytes) => Assert.Equal(0, _set((ulong)bytes, Math.Max(Usual, 2 * (ulong)bytes)));

    public void Dispose() => Assert.Equal(0, _set(Usual, Usual));
}
