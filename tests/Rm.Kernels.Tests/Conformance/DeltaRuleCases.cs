using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

using Sum = (Rm.Kernels.Tests.Conformance.GuardedTensor Output, Rm.Kernels.Tests.References.RealMatrix<double> Expected,
    Rm.Kernels.Tests.References.RealMatrix<float> Naive);

namespace Rm.Kernels.Tests.Conformance;

internal static class DeltaRuleCases
{
    private static readonly (string Name, DeltaRuleShape Shape, int[][] Groups)[] Shapes =
    [
        ("one token", new DeltaRuleShape(1, 1, 4, 4), [[0, 1]]),
        ("one chunk", new DeltaRuleShape(4, 4, 16, 16), [[0, 64]]),
        ("one head", new DeltaRuleShape(1, 1, 16, 16), [[0, 64], [0, 64], [0, 64], [0, 64]]),
        ("odd sizes", new DeltaRuleShape(1, 2, 5, 9), [[0, 3], [2, 1, 17], [0, 1]]),
        ("groups of four", new DeltaRuleShape(2, 8, 8, 8), [[3, 70, 2], [0, 33]]),
        ("wide", new DeltaRuleShape(1, 1, 32, 48), [[64, 64, 5], [0, 65]]),
        ("three heads a key", new DeltaRuleShape(1, 3, 24, 8), [[0, 139]]),
        ("two chunks of prefix", new DeltaRuleShape(2, 2, 16, 8), [[100, 31, 77, 1]]),
    ];

    public static IEnumerable<OperationCase> All =>
    [
        .. from s in Shapes
           from chunk in new[] { 64, 32 }
           from trained in new[] { true, false }
           where trained || chunk == 64
           select new OperationCase($"delta-rule {s.Name} chunk={chunk} trained={trained}", bench =>
               Run(bench, s.Shape with { Chunk = chunk }, Layouts.Of(s.Groups), trained)),
    ];

    /// <summary>Inputs as a layer gives them: gates of all strengths, keys and queries of any length.</summary>
    public static DeltaRuleInputs<double> Inputs(OperationBench bench, SequenceLayout layout, DeltaRuleShape shape) => new(
        bench.Activations(layout.TokenCount, shape.QkvColumns), bench.Activations(layout.TokenCount, shape.ValueHeads, 2),
        bench.Activations(layout.TokenCount, shape.ValueHeads), bench.Numbers(1, shape.ValueHeads), bench.Numbers(1, shape.ValueHeads));

    private static void Run(OperationBench bench, DeltaRuleShape shape, SequenceLayout layout, bool trained)
    {
        // One head has one sum a draw, and the error of a single number is luck, the naive loop's as well.
        int draws = shape.ValueHeads == 1 ? 8 : 1;
        var sums = new List<(Sum ALog, Sum DtBias)>();
        for (int draw = 0; draw < draws; draw++)
        {
            sums.Add(Draw(bench, shape, layout, trained, checks: draw == 0));
        }

        bench.CheckTogether([.. sums.Select(sum => sum.ALog)]);
        bench.CheckTogether([.. sums.Select(sum => sum.DtBias)]);
    }

    // Runs forward and backward; what has a number a token is checked here, sums over tokens are given back.
    private static (Sum ALog, Sum DtBias) Draw(
        OperationBench bench, DeltaRuleShape shape, SequenceLayout layout, bool trained, bool checks)
    {
        int tokens = layout.TokenCount;
        DeltaRuleInputs<double> inputs = Inputs(bench, layout, shape);
        RealMatrix<double> dO = bench.Activations(tokens, shape.ValueColumns);
        PreparedLayout prepared = bench.Prepare(layout);
        Tensor qkv = bench.InputActivation("qkv", inputs.Qkv, gap: 8), a = bench.InputActivation("a", inputs.A, gap: 8);
        Tensor b = bench.InputActivation("b", inputs.B, gap: 8), aLog = bench.Input("a_log", inputs.ALog),
            dtBias = bench.Input("dt_bias", inputs.DtBias);
        GuardedTensor o = bench.OutputActivation("o", tokens, shape.ValueColumns, gap: 8);
        GuardedTensor states = bench.Output("states", shape.ChunkCount(layout), shape.StateColumns);
        bench.Backend.DeltaNets!.DeltaRuleForward(new DeltaRuleForwardArgs(prepared, shape, qkv, a, b, aLog, dtBias, o.View, states.View));
        RealMatrix<double> expected = DeltaRuleReference<double>.Forward(layout, shape, inputs);
        RealMatrix<float> naive = DeltaRuleReference<float>.Forward(layout, shape, inputs.To<float>());
        if (checks)
        {
            bench.Check(o, expected, naive);
        }

        GuardedTensor scored = bench.OutputActivation("o without states", tokens, shape.ValueColumns);
        bench.Backend.DeltaNets!.DeltaRuleForward(new DeltaRuleForwardArgs(prepared, shape, qkv, a, b, aLog, dtBias, scored.View, null));
        if (checks)
        {
            bench.Check(scored, expected, naive);
        }

        RealMatrix<double> before = bench.Numbers(1, shape.ValueHeads);
        GuardedTensor dQkv = bench.OutputActivation("dqkv", tokens, shape.QkvColumns, gap: 8),
            dA = bench.OutputActivation("da", tokens, shape.ValueHeads);
        GuardedTensor dB = bench.OutputActivation("db", tokens, shape.ValueHeads), dALog = bench.InOut("da_log", before),
            dDtBias = bench.InOut("ddt_bias", before);
        bench.Backend.DeltaNets!.DeltaRuleBackward(new DeltaRuleBackwardArgs(
            prepared, shape, bench.InputActivation("do", dO), qkv, a, b, aLog, dtBias, states.View, dQkv.View, dA.View, dB.View,
            trained ? dALog.View : null, trained ? dDtBias.View : null, bench.Scratch));
        DeltaRuleInputs<double> d = DeltaRuleReference<double>.Backward(layout, shape, dO, inputs);
        DeltaRuleInputs<float> dNaive = DeltaRuleReference<float>.Backward(layout, shape, dO.To<float>(), inputs.To<float>());
        if (checks)
        {
            bench.Check(dQkv, d.Qkv, dNaive.Qkv);
            bench.Check(dA, d.A, dNaive.A);
            bench.Check(dB, d.B, dNaive.B);
        }

        RealMatrix<float> start = before.To<float>();
        return (
            (dALog, trained ? before.Plus(d.ALog) : before, trained ? start.Plus(dNaive.ALog) : start),
            (dDtBias, trained ? before.Plus(d.DtBias) : before, trained ? start.Plus(dNaive.DtBias) : start));
    }
}
