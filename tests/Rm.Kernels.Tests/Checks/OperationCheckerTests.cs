using Rm.Kernels.Checks;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Checks;

/// <summary>
/// What <c>btrm doctor --kernels</c> runs: it must pass on a sound device, fail on a wrong one, and leave no operation out.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class OperationCheckerTests
{
    // No work of its own that a check could see: memory, transfers, weights as arguments of the linear layers.
    private static readonly string[] NotChecked =
    [
        nameof(IBackend.AllocatePersistent), nameof(IBackend.CreateArena), nameof(IBackend.Upload), nameof(IBackend.Download),
        nameof(IBackend.Synchronize), nameof(IBackend.CreateFrozenWeight), nameof(IBackend.CreateLowBitWeight),
        nameof(IBackend.CreateTrainableWeight), nameof(IBackend.Refresh),
        nameof(IBackend.Prepare), nameof(IBackend.DryRun), nameof(IBackend.IsOutOfMemory),
    ];

    [Theory]
    [InlineData(GemmChoice.Own)]
    [InlineData(GemmChoice.CublasLt)]
    [InlineData(GemmChoice.Wgmma)]
    public void Every_operation_of_the_cuda_backend_is_within_its_bound(GemmChoice gemm)
    {
        CudaTest.OpenDevice().Dispose();
        Assert.SkipUnless(gemm != GemmChoice.CublasLt || CublasLt.IsAvailable, "needs cuBLASLt");
        if (gemm == GemmChoice.Wgmma)
        {
            CudaTest.NeedsHopper();
        }

        using CudaBackend device = new(gemm: gemm);
        OperationCheckResult[] results = Check(device);
        Assert.All(results, static result => Assert.True(result.Passed, $"{result}"));
        Assert.All(results, static result => Assert.Null(result.Seconds));
    }

    [Fact]
    public void Every_operation_is_checked_at_an_odd_and_a_real_shape()
    {
        string[] operations = [.. Operations.Order()];
        Assert.Equal(operations, OperationChecks.All.Where(static c => !c.IsReal).Select(static c => c.Operation).Distinct().Order());
        Assert.Equal(operations, OperationChecks.All.Where(static c => c.IsReal).Select(static c => c.Operation).Distinct().Order());
        Assert.All(OperationChecks.All, static check => Assert.True(check.Bytes > 0, $"{check.Operation} {check.Shape}"));

        // Each check runs the operation that it is called after.
        using CpuBackend cpu = new(threads: 1);
        List<string> seen = [];
        foreach (OperationCheck check in OperationChecks.All.Where(static c => !c.IsReal))
        {
            using CheckSide side = new(new ObservedBackend(cpu, new Recorder(seen)), DType.F32);
            Action run = check.Prepare(side);
            seen.Clear();
            run();
            Assert.Equal([check.Operation], seen);
        }
    }

    public static TheoryData<string> Faults { get; } = [.. Operations];

    private static IEnumerable<string> Operations => new[] { typeof(IBackend), typeof(IExpertOperations) }
        .SelectMany(static type => type.GetMethods()).Where(static m => !m.IsSpecialName).Select(static m => m.Name).Except(NotChecked);

    // Codes that a device reads as others: what the checks of weights in few bits are for.
    [Theory]
    [InlineData(LowBitCode.Nf4)]
    [InlineData(LowBitCode.Int8)]
    [InlineData(LowBitCode.Fp8)]
    public void Wrong_codes_of_a_weight_in_few_bits_are_found(LowBitCode code)
    {
        CudaTest.OpenDevice().Dispose();
        using CudaBackend device = new();
        OperationCheckResult[] failed = [.. Check(new MisreadingBackend(device, code)).Where(static result => !result.Passed)];
        Assert.NotEmpty(failed);
        Assert.All(failed, result => Assert.EndsWith($" {code}", result.Shape));
        Assert.Equal(
            [nameof(IBackend.LinearBackward), nameof(IBackend.LinearForward)],
            failed.Select(static result => result.Operation).Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public void A_wrong_result_of_any_operation_is_found(string operation)
    {
        using CpuBackend cpu = new(threads: 1);
        OperationCheckResult[] failed = [.. Check(new FaultyBackend(cpu, operation)).Where(static result => !result.Passed)];
        Assert.NotEmpty(failed);
        Assert.Contains(operation, failed.Select(static result => result.Operation));
    }

    [Fact]
    public void A_sound_cpu_passes_against_itself()
    {
        using CpuBackend cpu = new(threads: 1);
        Assert.All(Check(new ObservedBackend(cpu, null)), static result => Assert.True(result.Passed && result.Error == 0, $"{result}"));
    }

    [Fact]
    public void An_operation_that_does_nothing_is_found()
    {
        using CpuBackend cpu = new(threads: 1);
        OperationCheckResult result = Check(new IdleBackend(cpu)).First(static r => r.Operation == nameof(IBackend.SwiGluForward));
        Assert.False(result.Passed);
        Assert.Equal(double.NaN, result.Error);
    }

    [Fact]
    public void What_an_operation_throws_is_told()
    {
        using CpuBackend cpu = new(threads: 1);
        OperationCheckResult result = Check(new ThrowingBackend(cpu)).First(static r => r.Operation == nameof(IBackend.SwiGluForward));
        Assert.Equal((false, "planted"), (result.Passed, result.Problem));
    }

    private static OperationCheckResult[] Check(IBackend device)
    {
        using CpuBackend reference = new(threads: 1);
        OperationChecker checker = new(device, reference, realShapes: false);
        OperationCheckResult[] results = [.. checker.Run(null)];
        Assert.Equal(checker.Count, results.Length);
        return results;
    }

    private sealed class Recorder(List<string> seen) : IOperationObserver
    {
        public void Begin(string operation) => seen.Add(operation);

        public void End(string operation)
        {
        }
    }

    /// <summary>Takes int8 for fp8 and fp8 for int8, and the table of NF4 for its own upside down.</summary>
    private sealed class MisreadingBackend(IBackend inner, LowBitCode misread) : ObservedBackend(inner, null)
    {
        public override LowBitWeight? CreateLowBitWeight(int outFeatures, int inFeatures, LowBitLayout layout, LowBitTables tables) =>
            layout.Code == misread
                ? base.CreateLowBitWeight(outFeatures, inFeatures, layout with { Code = Other(misread) }, Reversed(tables))
                : base.CreateLowBitWeight(outFeatures, inFeatures, layout, tables);

        private static LowBitCode Other(LowBitCode code) => code switch
        {
            LowBitCode.Int8 => LowBitCode.Fp8,
            LowBitCode.Fp8 => LowBitCode.Int8,
            _ => code,
        };

        private static LowBitTables Reversed(LowBitTables tables) => tables with { Codes = [.. tables.Codes.Reverse()] };
    }

    private sealed class IdleBackend(IBackend inner) : ObservedBackend(inner, null)
    {
        public override void SwiGluForward(SwiGluForwardArgs args)
        {
        }
    }

    private sealed class ThrowingBackend(IBackend inner) : ObservedBackend(inner, null)
    {
        public override void SwiGluForward(SwiGluForwardArgs args) => throw new InvalidOperationException("planted");
    }
}
