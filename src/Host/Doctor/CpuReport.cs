using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Rm.Host.Doctor;

/// <summary>The processor as btrm's CPU kernels see it.</summary>
/// <param name="Features">Instruction sets that the kernels make use of, widest first; empty when only the portable path runs.</param>
/// <param name="Threads">Hardware threads that this process may use.</param>
/// <param name="Memory">Bytes of memory that this process may use (a container's limit counts).</param>
public sealed record CpuReport(IReadOnlyList<string> Features, int Threads, long Memory)
{
    /// <summary>Reads the present machine.</summary>
    public static CpuReport Read()
    {
        (bool Supported, string Name)[] known =
        [
            (Avx512F.IsSupported, "AVX-512F"), (Avx2.IsSupported, "AVX2"), (Fma.IsSupported, "FMA"), (AdvSimd.IsSupported, "AdvSIMD"),
        ];
        return new CpuReport(
            [.. known.Where(static feature => feature.Supported).Select(static feature => feature.Name)],
            Environment.ProcessorCount,
            GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
    }
}
