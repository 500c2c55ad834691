using System.Globalization;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// Every kernel is run, and every instruction that NVRTC writes into any of them, by its name with all modifiers, is executed by the PTX
/// machine in a case that is compared with its reference. Those that never are stand here with the reason.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class PtxCoverageTests
{
    // Instructions of paths that no launch of a test can take.
    private static readonly Dictionary<string, string> s_reasons = new(StringComparer.Ordinal)
    {
        ["trap"] = "a kernel launched on another architecture than it is for gives up",
        ["div.s64"] = "quotients of 64 bits have a short way for numbers below 2^32: the long one needs a tensor with more rows than that",
        ["div.u64"] = "the same of elements",
    };

    // Beside the first case of every operation: kernels and ways through them that those leave out.
    private static readonly string[] s_more =
    [
        "rms_norm backward T=4 C=13",
        "rms_norm backward frozen weight, in place, residual gradient in place",
        "rope_apply heads=3 D=24 rotated=8 inverse=True",
        "rope_table of some tokens, scaled and growing",
        "rope_table of angles far beyond a turn",
        "head_norm backward T=4 heads=2 D=128",
        "swiglu T=2 F=13 scale=40 Silu",
        "swiglu T=3 F=40 scale=40 GeluTanh",
        "gather_scatter C=13",
        "fill and copy of strided rows",
        "scale_add C=13 scale bias z",
        "pair_loss of rewards far apart",
        "pair_loss N=300 beta=2 eps=0.1 margins_and_weights=True",
        "route T=33 E=37 k=3 normalised",
        "experts T=3 k=2 C=13",
        "causal-conv N=24 K=4 trained=True",
        "delta-rule two chunks of prefix chunk=64 trained=True",
        "delta-rule odd sizes chunk=32 trained=True",
        "attention capped H=3 G=1 D=24 queries=all window=33 softcap=1.5",
        "attention capped H=2 G=1 D=256 queries=all window=0 softcap=1.5",
        "attention mixed H=4 G=2 D=128 queries=some window=0 softcap=0",
        "attention mixed H=2 G=2 D=2 queries=some window=0 softcap=0",
        "linear T=37 [96, 72] ranks= trainable bias",
        "linear T=67 [576, 200] ranks=4 residual",
        "linear T=300 [24, 16] ranks=3 trainable bias dropout=0.2",
        "linear T=29 [320, 72] ranks=4+16+3 bias scales",
        "linear T=37 [48, 72] ranks=4+2 bias, and its SwiGLU",
        "low bit Nf4 blocks=64 double T=37 [40, 320] rank=8, bias, residual, dx +=",
        "low bit Int8 rows T=33 [129, 80], bias, residual, dx +=",
        "low bit Fp8 blocks=32 T=131 [131, 144], bias, residual, dx +=",
        "low bit Nf4 blocks=64 double T=37 [48, 128], and its SwiGLU",
        "low bit Int8 rows T=33 [272, 80], and its SwiGLU",
        "low bit Fp8 blocks=32 T=130 [40, 96], and its SwiGLU",
    ];

    [Theory]
    [InlineData(80)]
    [InlineData(86)]
    [InlineData(89)]
    [InlineData(90)]
    public void Every_instruction_of_the_kernels_is_executed(uint architecture)
    {
        // A minute each, most of it NVRTC's; what 8.6 and 8.9 get differs from 8.0 in places alone, not in kinds.
        Assert.SkipUnless(
            architecture is 80 or 90 || Environment.GetEnvironmentVariable("BTRM_LONG_TESTS") == "1", "Takes minutes; BTRM_LONG_TESTS=1 runs it.");
        Execute(architecture);
        Place[] places = [.. Emulator.InstructionCoverage.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Place.Parse)];
        string[] silent = [.. places.GroupBy(static place => place.Kernel).Where(static kernel => kernel.All(static p => p.Executed == 0))
            .Select(static kernel => $"{kernel.Key} was not run")];
        string[] missed =
        [
            .. places.GroupBy(static place => place.Opcode)
                .Where(static opcode => opcode.All(static place => place.Executed == 0))
                .Where(static opcode => !s_reasons.ContainsKey(opcode.Key))
                .Select(static opcode => $"{opcode.Key} in {string.Join(", ", opcode.Select(static place => place.Kernel))}"),
        ];
        TestContext.Current.SendDiagnosticMessage(
            $"compute capability {architecture / 10}.{architecture % 10}: {places.Select(static p => p.Kernel).Distinct().Count()} kernels, "
            + $"{places.Select(static p => p.Opcode).Distinct().Count()} instructions at {places.Sum(static p => p.Times)} places, "
            + $"{places.Sum(static p => p.Untouched)} of these not executed");
        Assert.NotEmpty(places);
        Assert.True(silent.Length + missed.Length == 0, string.Join('\n', silent.Concat(missed)));
        Assert.All(s_reasons.Keys, reason => Assert.All(
            places.Where(place => place.Opcode == reason), static place => Assert.Equal(0, place.Executed)));
    }

    private static void Execute(uint architecture) => PtxCases.On(architecture, () =>
    {
        Emulator.CountLaunches(true);
        try
        {
            LoadAll();
            foreach (string name in PtxCases.FirstOfEachOperation.Concat(s_more))
            {
                PtxCases.Run(name, architecture, static () => new CudaBackend(ordinal: 0, DType.BF16));
                PtxCases.Run(name, architecture, static () => new CudaBackend(ordinal: 0, DType.F32));
                if (architecture == 90
                    && (name.StartsWith("linear", StringComparison.Ordinal) || name.StartsWith("low bit", StringComparison.Ordinal)))
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

    // Kernels that no case launches are in the list too; those of another architecture are in no text.
    private static void LoadAll()
    {
        using var device = CudaDevice.Open(0);
        using KernelLibrary library = new(device);
        foreach (string kernel in KernelSources.Embedded.Kernels)
        {
            try
            {
                library.Get(kernel);
            }
            catch (CudaException missing) when (missing.Result == CudaResult.NotFound && kernel.Contains("wgmma", StringComparison.Ordinal))
            {
                Assert.NotEqual(CudaArchitecture.Hopper, device.Architecture);
            }
        }
    }

    /// <summary>An instruction of a kernel: how often it was executed, its places in the text, and those never executed.</summary>
    private sealed record Place(string Kernel, string Opcode, long Executed, long Times, long Untouched)
    {
        public static Place Parse(string line)
        {
            string[] parts = line.Split(' ');
            long Number(int at) => long.Parse(parts[at], CultureInfo.InvariantCulture);
            return new Place(parts[1], parts[2], Number(3), Number(4), Number(5));
        }
    }
}
