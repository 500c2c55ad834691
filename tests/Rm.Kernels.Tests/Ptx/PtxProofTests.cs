using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// PTX that another compiler wrote, with outputs known to be right, executed by the emulator's PTX machine: a second opinion on what the
/// instructions mean.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class PtxProofTests
{
    private const int Schedules = 3;

    public static TheoryData<string, string> Programs { get; } =
        [.. from target in new[] { "sm_80", "sm_90" } from name in PtxProgram.NamesFor(target) select (name, target)];

    public static TheoryData<string> ProgramsOfBlackwell { get; } = [.. PtxProgram.NamesFor("sm_100")];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_gives_its_right_output(string name, string target)
    {
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        PtxProgram program = new(name, target);
        Emulator.SetArchitecture(target == "sm_80" ? 80u : 90u);
        try
        {
            using var device = CudaDevice.Open(0);
            for (ulong seed = 1; seed <= Schedules; seed++)
            {
                Emulator.SetSeed(seed);
                double error = program.RunAndCompare(device);
                Assert.True(
                    error <= program.Tolerance, $"{name} {target}, seed {seed}: {error} of the largest value, allowed {program.Tolerance}");
            }
        }
        finally
        {
            Emulator.SetArchitecture(90);
        }
    }

    /// <summary>What the machine lacks is refused by name when the text is loaded; what it has is refused for the device.</summary>
    [Theory]
    [MemberData(nameof(ProgramsOfBlackwell))]
    public void Program_for_another_generation_is_refused(string name)
    {
        using CudaDevice device = CudaTest.OpenDevice();
        CudaTest.NeedsEmulator();
        PtxProgram program = new(name, "sm_100");
        CudaException refused = Assert.Throws<CudaException>(() => program.RunAndCompare(device));
        string report = Emulator.LastReport;
        if (refused.Result == CudaResult.InvalidPtx)
        {
            Assert.Matches(@"line \d+: the instruction '(tcgen05|\w+\.f32x2|redux\.sync\.\w+\.f32)[^']*' is not one that this machine has, in kernel " + name, report);
        }
        else
        {
            Assert.Equal(CudaResult.NoBinaryForGpu, refused.Result);
            Assert.Contains("the text is for sm_100a", report);
        }
    }
}
