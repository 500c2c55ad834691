using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// A named range in a profiler's timeline. Active with <c>BTRM_NVTX=1</c> when libnvToolsExt is there; otherwise it costs
/// one test of a field.
/// </summary>
internal readonly unsafe ref partial struct NvtxRange
{
    private static readonly bool Active =
        Environment.GetEnvironmentVariable("BTRM_NVTX") == "1" && CudaLibraries.IsAvailable(CudaLibraries.Nvtx);

    private readonly bool _open;

    /// <summary>Opens a range.</summary>
    /// <param name="name">A UTF-8 literal: those end with a zero byte in memory.</param>
    public NvtxRange(ReadOnlySpan<byte> name)
    {
        _open = Active;
        if (_open)
        {
            fixed (byte* text = name)
            {
                _ = nvtxRangePushA(text);
            }
        }
    }

    /// <summary>Closes the range.</summary>
    public void Dispose()
    {
        if (_open)
        {
            _ = nvtxRangePop();
        }
    }

    [LibraryImport(CudaLibraries.Nvtx)]
    private static partial int nvtxRangePushA(byte* text);

    [LibraryImport(CudaLibraries.Nvtx)]
    private static partial int nvtxRangePop();
}
