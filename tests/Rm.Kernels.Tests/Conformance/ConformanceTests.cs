using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>
/// Every declared case on one backend. A backend's tests derive from this and say how to make it; a case is declared once, in a
/// <c>*Cases</c> class, and listed here.
/// </summary>
public abstract class ConformanceTests
{
    internal static IReadOnlyDictionary<string, OperationCase> Cases { get; } = new IEnumerable<OperationCase>[]
    {
        RmsNormCases.All, RopeCases.All, SwiGluCases.All, RowCases.All, ScaleAddCases.All, RewardHeadCases.All, PairLossCases.All,
        RankingLossCases.All, OptimizerCases.All,
        ExpertCases.All, AttentionCases.All, LinearCases.All, LinearTileCases.All, LowBitCases.All, LoraCancellationCases.All,
        RandomFillCases.All, CausalConvCases.All, DeltaRuleCases.All, SigmoidGateCases.All,
    }.SelectMany(cases => cases).ToDictionary(c => c.Name);

    /// <summary>Names of the cases whose products the choice of <see cref="Rm.Kernels.Cuda.GemmChoice"/> concerns.</summary>
    internal static IEnumerable<string> ProductCases => Cases.Keys.Where(
        static name => name.StartsWith("linear", StringComparison.Ordinal) || name.StartsWith("low bit", StringComparison.Ordinal));

    public static TheoryData<string> CaseNames { get; } = [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(CaseNames))]
    public void Operation_matches_its_reference(string name)
    {
        using IBackend backend = CreateBackend();
        using var bench = new OperationBench(backend, seed: 1);
        Cases[name].Run(bench);
        bench.CheckInputs();
    }

    /// <summary>A fresh backend of the kind under test.</summary>
    protected abstract IBackend CreateBackend();
}
