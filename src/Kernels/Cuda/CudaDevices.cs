using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>Opens GPUs for a program that wants to say why one cannot be used instead of failing.</summary>
public static class CudaDevices
{
    /// <summary>Whether the CUDA driver of this process is the emulator; the first call binds the driver.</summary>
    public static bool IsEmulated => CudaLibraries.IsEmulated;

    /// <summary>
    /// Binds the emulator instead of the driver: the file that BTRM_CUDA_LIBRARY names, or the one beside the executable.
    /// </summary>
    /// <param name="ptx">Whether it executes PTX that NVRTC makes, instead of the kernels that are linked into it.</param>
    /// <exception cref="InvalidOperationException">A driver that is not the emulator is bound already.</exception>
    public static void UseEmulator(bool ptx = false) => CudaLibraries.UseEmulator(ptx);

    /// <summary>
    /// Whether <paramref name="failure"/> comes from the device; its message is complete and has advice where there is any.
    /// </summary>
    public static bool IsDeviceFailure(Exception failure) => failure is CudaException or CublasException;

    /// <summary>Opens device <paramref name="ordinal"/> for bfloat16 activations, or says why it cannot be used.</summary>
    /// <param name="ordinal">N of <c>cuda:N</c>.</param>
    /// <param name="problem">Why there is none, with advice; null when there is one.</param>
    /// <param name="gemm">Whose kernels multiply bfloat16 matrices.</param>
    public static CudaBackend? TryOpen(int ordinal, out string? problem, GemmChoice gemm = GemmChoice.Own) =>
        TryOpen(ordinal, out problem, out _, gemm);

    private static CudaBackend? TryOpen(int ordinal, out string? problem, out bool lacksKernels, GemmChoice gemm)
    {
        problem = null;
        lacksKernels = false;
        try
        {
            return new CudaBackend(ordinal, gemm: gemm);
        }
        catch (Exception unusable) when (unusable is CudaException or CublasException or NotSupportedException or InvalidOperationException)
        {
            problem = unusable.Message;
            lacksKernels = unusable is KernelsUnavailableException;
            return null;
        }
    }

    /// <summary>Opens the first device that works, or says why the first one does not.</summary>
    /// <param name="problem">Why there is none; null when there is one.</param>
    /// <param name="lacksKernels">Whether all that a GPU lacks is code that it can run: somebody who has it will want to use it.</param>
    /// <param name="gemm">Whose kernels multiply bfloat16 matrices.</param>
    public static CudaBackend? TryOpenFirst(out string? problem, out bool lacksKernels, GemmChoice gemm = GemmChoice.Own)
    {
        lacksKernels = false;
        if (!CudaLibraries.IsAvailable(CudaLibraries.Driver))
        {
            problem = "no NVIDIA driver is installed";
            return null;
        }

        int count;
        try
        {
            count = CudaDevice.Count;
        }
        catch (CudaException unusable)
        {
            problem = unusable.Message;
            return null;
        }

        problem = count == 0 ? "the NVIDIA driver sees no GPU" : null;
        for (int ordinal = 0; ordinal < count; ordinal++)
        {
            if (TryOpen(ordinal, out string? reason, out bool withoutKernels, gemm) is { } backend)
            {
                problem = null;
                lacksKernels = false;
                return backend;
            }

            lacksKernels |= withoutKernels;

            problem ??= reason;
        }

        return null;
    }
}
