using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// The process's one driver binding, initialised at first use, and on a thread that runs dry, its <see cref="DryRunDriver"/>.
/// </summary>
internal static class CudaDriver
{
    /// <summary>Oldest driver API that has everything we import: CUDA 12.0.</summary>
    public const int MinimumVersion = 12000;

    private static readonly Lock Gate = new();
    private static ICudaDriver? s_api;
    private static bool s_initialized;

    [ThreadStatic]
    private static DryRunDriver? s_dryRun;

    /// <summary>The binding; calls made before <see cref="Initialize"/> has succeeded may find no library.</summary>
    public static ICudaDriver Api => s_dryRun ?? (s_api ??= new NativeCudaDriver());

    /// <summary>Whether this thread's calls only count.</summary>
    public static bool IsDryRun => s_dryRun is not null;

    /// <summary>Sends this thread's calls to <paramref name="dryRun"/> until <see cref="Leave"/>.</summary>
    /// <exception cref="InvalidOperationException">The thread runs dry already.</exception>
    public static void Enter(DryRunDriver dryRun) =>
        s_dryRun = s_dryRun is null ? dryRun : throw new InvalidOperationException("This thread runs dry another step already.");

    /// <summary>Ends what <see cref="Enter"/> began.</summary>
    public static void Leave(DryRunDriver dryRun)
    {
        if (s_dryRun == dryRun)
        {
            s_dryRun = null;
        }
    }

    /// <summary>Takes another binding instead of the default one; must come before the first call.</summary>
    public static void UseBinding(ICudaDriver binding)
    {
        lock (Gate)
        {
            if (s_initialized)
            {
                throw new InvalidOperationException("The CUDA binding must be chosen before the first CUDA call of the process.");
            }

            s_api = binding;
        }
    }

    /// <summary>Loads and initialises the driver once.</summary>
    /// <exception cref="CudaException">There is no driver, it is too old, or it finds no device.</exception>
    public static unsafe void Initialize()
    {
        lock (Gate)
        {
            if (s_initialized || IsDryRun)
            {
                return;
            }

            if (!CudaLibraries.IsAvailable(CudaLibraries.Driver))
            {
                throw new CudaException(
                    $"No CUDA driver: {string.Join(", ", CudaLibraries.Candidates(CudaLibraries.Driver))} could not be loaded. "
                    + "Install the NVIDIA driver (a container needs its GPUs passed in), or run with --device cpu.",
                    inner: null);
            }

            CheckVersion();
            Check(Guarded(&Start, null), "cuInit");
            s_initialized = true;
        }
    }

    /// <summary>Throws when <paramref name="result"/> is not success.</summary>
    /// <param name="result">What the driver returned.</param>
    /// <param name="call">The driver's name of the call.</param>
    /// <exception cref="CudaException">The call failed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Check(CudaResult result, string call)
    {
        if (result != CudaResult.Success)
        {
            Throw(call, result);
        }
    }

    /// <summary>Version of the driver's API, 1000 * major + 10 * minor.</summary>
    public static unsafe int Version()
    {
        int version;
        Check(Guarded(&ReadVersion, &version), "cuDriverGetVersion");
        return version;
    }

    private static void CheckVersion()
    {
        int version = Version();
        if (version < MinimumVersion)
        {
            throw new CudaException(
                $"The NVIDIA driver supports CUDA {version / 1000}.{version % 1000 / 10}; btrm needs 12.0 or newer. "
                + "Update the driver to 525.60 or newer, or run with --device cpu.",
                inner: null);
        }
    }

    private static unsafe CudaResult Guarded(delegate*<int*, CudaResult> call, int* value)
    {
        try
        {
            return call(value);
        }
        catch (EntryPointNotFoundException missing)
        {
            throw new CudaException(
                $"{CudaLibraries.LoadedFrom(CudaLibraries.Driver)} is no CUDA driver that btrm can use ({missing.Message}). "
                + "Update the driver, or run with --device cpu.",
                missing);
        }
    }

    private static unsafe CudaResult ReadVersion(int* version) => Api.DriverGetVersion(version);

    private static unsafe CudaResult Start(int* unused) => Api.Init();

    [DoesNotReturn]
    private static void Throw(string call, CudaResult result) => throw new CudaException(call, result);
}
