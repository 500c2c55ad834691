using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// Compiles kernels' sources with NVRTC. No include path is needed: headers travel with the program. For an architecture that the installed
/// NVRTC does not know it makes PTX of the newest one it does know, which the driver translates.
/// </summary>
internal sealed unsafe class KernelCompiler
{
    private const string TargetPrefix = "sm_";

    private readonly int[] _architectures;

    private KernelCompiler(Version version, int[] architectures)
    {
        Version = version;
        _architectures = architectures;
    }

    /// <summary>Options whatever the architecture.</summary>
    public static IReadOnlyList<string> CommonOptions { get; } = ["--std=c++17", "-lineinfo", "--ptxas-options=-v"];

    /// <summary>Version of NVRTC.</summary>
    public Version Version { get; }

    /// <summary>Architectures that it makes code for, ascending: 50, 80, 90 ...</summary>
    public IReadOnlyList<int> Architectures => _architectures;

    /// <summary>The installed compiler, or null when NVRTC is not there.</summary>
    /// <exception cref="InvalidOperationException">NVRTC is there and does not work.</exception>
    public static KernelCompiler? TryFind()
    {
        if (!CudaLibraries.IsAvailable(CudaLibraries.Nvrtc))
        {
            return null;
        }

        try
        {
            int major, minor, count;
            NvrtcProgram.Check(NativeNvrtc.nvrtcVersion(&major, &minor), "nvrtcVersion");
            NvrtcProgram.Check(NativeNvrtc.nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs");
            int[] architectures = new int[count];
            fixed (int* pointer = architectures)
            {
                NvrtcProgram.Check(NativeNvrtc.nvrtcGetSupportedArchs(pointer), "nvrtcGetSupportedArchs");
            }

            Array.Sort(architectures);
            return new KernelCompiler(new Version(major, minor), architectures);
        }
        catch (EntryPointNotFoundException missing)
        {
            throw new InvalidOperationException(
                $"{CudaLibraries.LoadedFrom(CudaLibraries.Nvrtc)} is no NVRTC that btrm can use ({missing.Message}); "
                + "install NVRTC 12 or newer.",
                missing);
        }
    }

    /// <summary>The options a unit is compiled with for <paramref name="architecture"/>; part of the cache's key.</summary>
    /// <exception cref="InvalidOperationException">NVRTC knows no architecture that the device can run.</exception>
    public IReadOnlyList<string> OptionsFor(CudaArchitecture architecture) =>
        [OptionFor(TargetFor(architecture)), .. CommonOptions];

    /// <summary>Compiles one unit.</summary>
    /// <param name="sources">Where the unit and the headers are.</param>
    /// <param name="unit">Name of the .cu file.</param>
    /// <param name="architecture">The device's.</param>
    /// <returns>A cubin, or zero-terminated PTX, and what the compiler said (registers, spills).</returns>
    /// <exception cref="InvalidOperationException">The unit does not compile: the message has the compiler's.</exception>
    public (byte[] Image, string Log) Compile(KernelSources sources, string unit, CudaArchitecture architecture) =>
        Compile(sources, unit, TargetFor(architecture));

    /// <summary>
    /// Compiles one unit for <paramref name="target"/>: a cubin for sm_80, sm_90a ..., zero-terminated PTX for compute_80 ...
    /// </summary>
    /// <exception cref="InvalidOperationException">The unit does not compile: the message has the compiler's.</exception>
    public (byte[] Image, string Log) Compile(KernelSources sources, string unit, string target)
    {
        using var program = NvrtcProgram.Create(unit, sources.Units[unit], sources.Headers);
        bool compiled = program.TryCompile([OptionFor(target), .. CommonOptions]);
        string log = program.Log();
        if (!compiled)
        {
            throw new InvalidOperationException($"NVRTC {Version} cannot compile {unit} for {target}:\n{log}");
        }

        return (target.StartsWith(TargetPrefix, StringComparison.Ordinal) ? program.Cubin() : program.Ptx(), log);
    }

    private static string OptionFor(string target) => $"--gpu-architecture={target}";

    private bool KnowsExactly(CudaArchitecture architecture) => Array.IndexOf(_architectures, architecture.Number) >= 0;

    private string TargetFor(CudaArchitecture architecture)
    {
        if (KnowsExactly(architecture))
        {
            return CudaLibraries.RunsPtx ? $"compute_{architecture.Target[TargetPrefix.Length..]}" : architecture.Target;
        }

        int older = Array.FindLast(_architectures, known => known < architecture.Number);
        if (older < CudaArchitecture.Minimum.Number)
        {
            throw new InvalidOperationException(
                $"NVRTC {Version} makes no code that a GPU of compute capability {architecture} can run; btrm needs "
                + "8.0 or newer and NVRTC 12 or newer.");
        }

        return $"compute_{older}";
    }
}
