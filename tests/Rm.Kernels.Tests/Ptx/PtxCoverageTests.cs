using System.Globalization;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// Every instruction that NVRTC writes into any kernel, by its name with all modifiers, is executed by the PTX machine in a case that is
/// compared with its reference. Those that never are stand here with the reason.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class PtxCoverageTests
{
    // Instructions of paths that no right launch takes.
    private static readonly Dictionary<string, string> s_reasons = new()
    {
        ["trap"] = "a kernel that is launched for another architecture gives up",
    };

    [Theory]
    [InlineData(80)]
    [InlineData(86)]
    [InlineData(89)]
    [InlineData(90)]
    public void Every_instruction_of_the_kernels_is_executed(uint architecture)
    {
        Emulation(architecture);
        string[][] lines = [.. Emulator.InstructionCoverage.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split(' '))];
        string[] silent = [.. KernelSources.Embedded.Kernels.Except(lines.Where(static line => Number(line[3]) > 0).Select(static line => line[1]))];
        (string Opcode, long Executed, long Places, long Untouched)[] opcodes =
        [
            .. lines.GroupBy(static line => line[2]).Select(static group => (
                group.Key, group.Sum(static line => Number(line[3])), group.Sum(static line => Number(line[4])), group.Sum(static line => Number(line[5])))),
        ];
        string[] missed = [.. opcodes.Where(static opcode => opcode.Executed == 0 && !s_reasons.ContainsKey(opcode.Opcode)).Select(opcode =>
            $"{opcode.Opcode} in {string.Join(", ", lines.Where(line => line[2] == opcode.Opcode).Select(static line => line[1]))}")];
        TestContext.Current.SendDiagnosticMessage(
            $"compute capability {architecture / 10}.{architecture % 10}: {opcodes.Length} instructions, {opcodes.Sum(static opcode => opcode.Places)} places in the " +
            $"texts, {opcodes.Sum(static opcode => opcode.Untouched)} of them not executed; kernels not run: {string.Join(", ", silent)}");
        Assert.True(missed.Length == 0, string.Join("\n", missed));
    }

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    // Cases of every operation, all of linear layers and attention: they have the most kernels.
    private static void Emulation(uint architecture) => PtxCases.On(architecture, () =>
    {
        Emulator.CountLaunches(true);
        try
        {
            LoadAll();
            foreach (string name in PtxCases.FirstOfEachOperation)
            {
                PtxCases.Run(name, architecture, static () => new CudaBackend(ordinal: 0, DType.BF16));
                PtxCases.Run(name, architecture, static () => new CudaBackend(ordinal: 0, DType.F32));
                if (architecture == 90 && name.StartsWith("linear", StringComparison.Ordinal))
                {
                    PtxCases.Run(name, architecture, static () => new CudaBackend(ordinal: 0, DType.BF16, GemmChoice.Wgmma));
                }
            }
        }
        finally
        {
            Emulator.CountLaunches(false);
        }
    });

    // Kernels that no case launches are in the list too.
    private static void LoadAll()
    {
        using CudaDevice device = CudaDevice.Open(0);
        using KernelLibrary library = new(device);
        foreach (string kernel in KernelSources.Embedded.Kernels)
        {
            library.Get(kernel);
        }
    }
}
