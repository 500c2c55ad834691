using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// Decides which file each native library name binds to; every import of this assembly goes through it. The driver's name binds to the
/// real driver, to the file that <c>BTRM_CUDA_LIBRARY</c> names, or to the emulator after <see cref="UseEmulator"/>. The choice is made
/// once a process, at the first call, because the runtime keeps an import bound for good.
/// </summary>
public static class CudaLibraries
{
    /// <summary>Environment variable with the path of a driver library to use instead of the system's.</summary>
    public const string DriverVariable = "BTRM_CUDA_LIBRARY";

    /// <summary>Environment variable with the path of NVRTC.</summary>
    public const string NvrtcVariable = "BTRM_NVRTC_LIBRARY";

    /// <summary>Environment variable with the path of cuBLASLt.</summary>
    public const string CublasLtVariable = "BTRM_CUBLASLT_LIBRARY";

    /// <summary>Environment variable with the path of NVML.</summary>
    public const string NvmlVariable = "BTRM_NVML_LIBRARY";

    /// <summary>Environment variable that has the emulator execute PTX (1) instead of the kernels that are linked into it.</summary>
    public const string PtxVariable = "BTRM_EMULATOR_PTX";

    internal const string Driver = "btrm-cuda-driver";
    internal const string Nvrtc = "btrm-nvrtc";
    internal const string Nvml = "btrm-nvml";
    internal const string CublasLt = "btrm-cublaslt";

    private const string EmulatorMarker = "btrmEmuReset";

    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, LoadedLibrary> Loaded = new(StringComparer.Ordinal);
    private static bool s_emulatorAsked;

    /// <summary>Whether the bound driver is the emulator: it runs the kernels linked into it, or PTX (<see cref="RunsPtx"/>).</summary>
    public static bool IsEmulated => HasDriverExport(EmulatorMarker);

    /// <summary>Whether kernels reach the emulator as PTX, which it executes instruction by instruction.</summary>
    public static bool RunsPtx => PtxAsked && IsEmulated;

    /// <summary>
    /// Whether the emulator was asked to execute PTX. Sessions that are open already keep the kernels that they have loaded.
    /// </summary>
    internal static bool PtxAsked { get; set; } = Environment.GetEnvironmentVariable(PtxVariable) == "1";

    /// <summary>File name of the emulator on this system.</summary>
    internal static string EmulatorFileName =>
        OperatingSystem.IsWindows() ? "btrm_emulator.dll" : OperatingSystem.IsMacOS() ? "libbtrm_emulator.dylib" : "libbtrm_emulator.so";

    /// <summary>
    /// Binds the emulator instead of the driver (<c>--device emulated</c>): the file that <c>BTRM_CUDA_LIBRARY</c> names, or the one beside
    /// the executable.
    /// </summary>
    /// <param name="ptx">Whether it executes PTX that NVRTC makes, instead of the kernels that are linked into it.</param>
    /// <exception cref="InvalidOperationException">A driver that is not the emulator is bound already.</exception>
    public static void UseEmulator(bool ptx = false)
    {
        lock (Gate)
        {
            if (Loaded.TryGetValue(Driver, out LoadedLibrary bound) && !s_emulatorAsked
                && !(bound.Handle != 0 && NativeLibrary.TryGetExport(bound.Handle, EmulatorMarker, out _)))
            {
                throw new InvalidOperationException("The emulator must be chosen before the first CUDA call of the process.");
            }

            s_emulatorAsked = true;
            PtxAsked |= ptx;
        }
    }

    /// <summary>Path or name that <paramref name="library"/> was loaded from, or null when it could not be loaded.</summary>
    internal static string? LoadedFrom(string library) => Load(library).Path;

    /// <summary>Whether <paramref name="library"/> is there.</summary>
    internal static bool IsAvailable(string library) => Load(library).Handle != 0;

    /// <summary>The files that were tried for <paramref name="library"/>, for messages.</summary>
    internal static IReadOnlyList<string> Candidates(string library)
    {
        bool windows = OperatingSystem.IsWindows();
        return library switch
        {
            Driver => DriverCandidates(windows),
            Nvrtc => NvrtcCandidates(windows),
            Nvml => NvmlCandidates(windows),
            CublasLt => CublasLtCandidates(windows),
            _ => [],
        };
    }

    /// <summary>Whether <paramref name="library"/> is there and exports <paramref name="name"/>.</summary>
    internal static bool HasExport(string library, string name)
    {
        nint handle = Load(library).Handle;
        return handle != 0 && NativeLibrary.TryGetExport(handle, name, out _);
    }

    /// <summary>Whether the bound driver library exports <paramref name="name"/>.</summary>
    internal static bool HasDriverExport(string name) => HasExport(Driver, name);

    /// <summary>Address of an export of the bound driver library.</summary>
    internal static bool TryGetDriverExport(string name, out nint address)
    {
        address = 0;
        nint handle = Load(Driver).Handle;
        return handle != 0 && NativeLibrary.TryGetExport(handle, name, out address);
    }

    /// <summary>Sends this assembly's imports through <see cref="Candidates"/>.</summary>
    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage(
        "Usage", "CA2255:ModuleInitializer", Justification = "An import resolver must be set before the first import of the assembly.")]
    internal static void Register() =>
        NativeLibrary.SetDllImportResolver(typeof(CudaLibraries).Assembly, static (name, _, _) => Load(name).Handle);

    private static LoadedLibrary Load(string library)
    {
        lock (Gate)
        {
            if (!Loaded.TryGetValue(library, out LoadedLibrary found))
            {
                found = TryCandidates(library);
                Loaded.Add(library, found);
            }

            return found;
        }
    }

    /// <summary>Loads the first candidate that loads, whatever was found before.</summary>
    internal static LoadedLibrary TryCandidates(string library)
    {
        Assembly assembly = typeof(CudaLibraries).Assembly;
        foreach (string candidate in Candidates(library))
        {
            // A bare name goes through the loader's search path; the assembly's own folder is where a release may put a library.
            bool loaded = Path.IsPathRooted(candidate)
                ? NativeLibrary.TryLoad(candidate, out nint handle)
                : NativeLibrary.TryLoad(candidate, assembly, DllImportSearchPath.SafeDirectories, out handle);
            if (loaded)
            {
                if (library == Nvrtc)
                {
                    LoadBuiltinsBeside(candidate);
                }

                return new LoadedLibrary(handle, candidate);
            }
        }

        return default;
    }

    // NVRTC opens its builtins by bare name at the first compilation; outside the loader's path it finds them only
    // if they are loaded already.
    private static void LoadBuiltinsBeside(string nvrtc)
    {
        if (Path.GetDirectoryName(nvrtc) is { Length: > 0 } folder)
        {
            string pattern = OperatingSystem.IsWindows() ? "nvrtc-builtins64_*.dll" : "libnvrtc-builtins.so.*";
            foreach (string builtins in Directory.EnumerateFiles(folder, pattern))
            {
                _ = NativeLibrary.TryLoad(builtins, out _);
            }
        }
    }

    private static string[] DriverCandidates(bool windows)
    {
        string? named = Environment.GetEnvironmentVariable(DriverVariable);
        if (!string.IsNullOrEmpty(named))
        {
            return [Path.GetFullPath(named)];
        }

        if (s_emulatorAsked)
        {
            return [Path.Combine(AppContext.BaseDirectory, EmulatorFileName)];
        }

        // WSL keeps the driver outside the loader's search path of most distributions.
        return windows ? ["nvcuda.dll"] : ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];
    }

    private static string[] NvrtcCandidates(bool windows)
    {
        string? named = Environment.GetEnvironmentVariable(NvrtcVariable);
        if (!string.IsNullOrEmpty(named))
        {
            return [Path.GetFullPath(named)];
        }

        // Code of a compiler that is newer than the driver may be refused: its major version comes second.
        int[] majors = DriverMajor() < 13 ? [12, 13] : [13, 12];
        return [.. majors.SelectMany(
            major => ToolkitFiles(windows ? $"nvrtc64_{major}0_0.dll" : $"libnvrtc.so.{major}", "cuda_nvrtc", major))];
    }

    private static string[] NvmlCandidates(bool windows)
    {
        string? named = Environment.GetEnvironmentVariable(NvmlVariable);
        return !string.IsNullOrEmpty(named) ? [Path.GetFullPath(named)]
            : IsEmulated ? DriverCandidates(windows)
            : windows ? ["nvml.dll"] : ["libnvidia-ml.so.1"];
    }

    private static string[] CublasLtCandidates(bool windows)
    {
        string? named = Environment.GetEnvironmentVariable(CublasLtVariable);
        if (!string.IsNullOrEmpty(named))
        {
            return [Path.GetFullPath(named)];
        }

        // The real one finds the machine's own driver by itself and would be handed the emulator's addresses.
        if (IsEmulated)
        {
            return DriverCandidates(windows);
        }

        // 12 before 13: it works with the drivers of both.
        int[] majors = [12, 13];
        return [.. majors.SelectMany(
            major => ToolkitFiles(windows ? $"cublasLt64_{major}.dll" : $"libcublasLt.so.{major}", "cublas", major))];
    }

    // By the loader's own rule, then where toolkits lie.
    private static IEnumerable<string> ToolkitFiles(string file, string wheel, int major) =>
        ToolkitFolders.Of(wheel, major, Environment.GetEnvironmentVariable)
            .Select(folder => Path.Combine(folder, file)).Where(File.Exists).Prepend(file);

    // Major version of CUDA that the driver supports; 13 without one. cuDriverGetVersion needs no cuInit.
    private static unsafe int DriverMajor()
    {
        int version = 0;
        return TryGetDriverExport("cuDriverGetVersion", out nint address) && ((delegate* unmanaged<int*, int>)address)(&version) == 0
            ? version / 1000
            : 13;
    }

    /// <summary>A library and where it came from; both empty when none could be loaded.</summary>
    internal readonly record struct LoadedLibrary(nint Handle, string? Path);
}
