using Rm.Kernels.Cpu;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cpu;

/// <summary>The operations of gated delta nets, which the CPU alone has so far, beside their references.</summary>
public sealed class CpuDeltaNetConformanceTests
{
    private static readonly Dictionary<string, OperationCase> Cases =
        CausalConvCases.All.Concat(DeltaRuleCases.All).Concat(SigmoidGateCases.All).ToDictionary(c => c.Name);

    public static TheoryData<string> CaseNames => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Operation_matches_its_reference(string name)
    {
        using var backend = new CpuBackend(2);
        using var bench = new OperationBench(backend, seed: 1);
        Cases[name].Run(bench);
        bench.CheckInputs();
    }
}
