using System.Text.RegularExpressions;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// PTX by Triton, CuTe DSL and two generations of NVRTC, with outputs known to be right, executed by the emulator's PTX machine on the
/// device that each text is for.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed partial class PtxArchiveTests
{
    private const int Schedules = 3;

    public static TheoryData<string, string> Programs { get; } =
        [.. PtxArchive.All().Where(static one => !IsRefused(one.Program, one.Build)).Select(static one => (one.Program, one.Build))];

    public static TheoryData<string, string> Refused { get; } =
        [.. PtxArchive.All().Where(static one => IsRefused(one.Program, one.Build)).Select(static one => (one.Program, one.Build))];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_gives_its_right_output(string name, string build) => On(build, device =>
    {
        PtxArchive program = new(name, build);
        for (ulong seed = 1; seed <= Schedules; seed++)
        {
            Emulator.SetSeed(seed);
            Assert.Equal("", program.RunAndCompare(device));
        }
    });

    /// <summary>Tensor cores of 10.0 have instructions of their own: what the machine lacks is named when the text is loaded.</summary>
    [Theory]
    [MemberData(nameof(Refused))]
    public void Program_of_another_generation_is_refused_by_its_instruction(string name, string build) => On(build, device =>
    {
        CudaException refused = Assert.Throws<CudaException>(() => new PtxArchive(name, build).RunAndCompare(device));
        Assert.Equal(CudaResult.InvalidPtx, refused.Result);
        Assert.Matches(@"line \d+: the instruction '(tcgen05\.|add\.f32x2)[^']*' is not one that this machine has, in kernel " + name,
            Emulator.LastReport);
    });

    // Triton's products and packed sums for 10.0.
    private static bool IsRefused(string program, string build) =>
        build == "sm_100a" && program is "cluster_reduce" or "matmul_descriptor" or "matmul_pipelined" or "tf32_dot";

    private static void On(string build, Action<CudaDevice> run)
    {
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        Emulator.SetArchitecture(uint.Parse(Target().Match(build).Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture));
        try
        {
            using var device = CudaDevice.Open(0);
            run(device);
        }
        finally
        {
            Emulator.SetArchitecture(90);
        }
    }

    [GeneratedRegex(@"sm_(\d+)a?$")]
    private static partial Regex Target();
}
