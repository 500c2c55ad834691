using Rm.Kernels.Ops;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.References;

/// <summary>Every reference gradient against central differences of its reference forward, in double.</summary>
public sealed class ReferenceGradientTests
{
    private readonly Random _random = new(3);

    [Fact]
    public void RmsNorm()
    {
        RealMatrix<double> x = Numbers(3, 7), w = Numbers(1, 7), dy = Numbers(3, 7);
        (RealMatrix<double> dx, RealMatrix<double> dw) = RmsNormReference<double>.Backward(dy, x, w, 1e-3);
        AssertGradient(x, dx, () => Dot(dy, RmsNormReference<double>.Forward(x, w, 1e-3).Y));
        AssertGradient(w, dw, () => Dot(dy, RmsNormReference<double>.Forward(x, w, 1e-3).Y));
    }

    [Fact]
    public void Rope()
    {
        RealMatrix<double> x = Numbers(4, 12), dy = Numbers(4, 12);
        RealMatrix<double> table = RopeReference<double>.Table([0, 1, 5, 9], [1f, 0.1f, 0.01f]);
        AssertGradient(
            x, RopeReference<double>.Apply(dy, table, inverse: true), () => Dot(dy, RopeReference<double>.Apply(x, table, inverse: false)));
    }

    [Theory]
    [InlineData(GateActivation.Silu)]
    [InlineData(GateActivation.GeluTanh)]
    public void SwiGlu(GateActivation activation)
    {
        RealMatrix<double> gateUp = Numbers(3, 10), dy = Numbers(3, 5);
        AssertGradient(gateUp, SwiGluReference<double>.Backward(dy, gateUp, activation), () =>
            Dot(dy, SwiGluReference<double>.Forward(gateUp, activation)));
    }

    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(true, 0, 0)]
    [InlineData(false, 3, 0)]
    [InlineData(false, 0, 0.8)]
    [InlineData(true, 3, 0.8)]
    public void Attention(bool lastRowsOnly, int window, double softcap)
    {
        SequenceLayout layout = Layouts.Of([3, 2, 4], [0, 3], [1, 1]);
        int[] rows = lastRowsOnly ? layout.RewardRows : Layouts.AllRows(layout);
        RealMatrix<double> q = Numbers(rows.Length, 8), k = Numbers(layout.TokenCount, 4), v = Numbers(layout.TokenCount, 4);
        RealMatrix<double> dO = Numbers(rows.Length, 8);
        double Loss() => Dot(dO, AttentionReference<double>.Forward(layout, rows, q, k, v, 2, 0.7, window, softcap).O);
        (RealMatrix<double> dq, RealMatrix<double> dk, RealMatrix<double> dv) =
            AttentionReference<double>.Backward(layout, rows, dO, q, k, v, 2, 0.7, window, softcap);
        AssertGradient(q, dq, Loss);
        AssertGradient(k, dk, Loss);
        AssertGradient(v, dv, Loss);
    }

    [Fact]
    public void CausalConv()
    {
        SequenceLayout layout = Layouts.Of([3, 2, 4], [0, 3], [1, 1]);
        RealMatrix<double> x = Numbers(layout.TokenCount, 3), w = Numbers(3, 4), dy = Numbers(layout.TokenCount, 3);
        (RealMatrix<double> dx, RealMatrix<double> dw) = CausalConvReference<double>.Backward(layout, dy, x, w);
        AssertGradient(x, dx, () => Dot(dy, CausalConvReference<double>.Forward(layout, x, w)));
        AssertGradient(w, dw, () => Dot(dy, CausalConvReference<double>.Forward(layout, x, w)));
    }

    [Fact]
    public void DeltaRule()
    {
        SequenceLayout layout = Layouts.Of([3, 2, 4], [0, 3], [1, 1]);
        var shape = new DeltaRuleShape(2, 4, 3, 2);
        int tokens = layout.TokenCount;
        var inputs = new DeltaRuleInputs<double>(
            Numbers(tokens, shape.QkvColumns), Numbers(tokens, 4), Numbers(tokens, 4), Numbers(1, 4), Numbers(1, 4));
        RealMatrix<double> dO = Numbers(tokens, shape.ValueColumns);
        double Loss() => Dot(dO, DeltaRuleReference<double>.Forward(layout, shape, inputs));
        DeltaRuleInputs<double> d = DeltaRuleReference<double>.Backward(layout, shape, dO, inputs);
        AssertGradient(inputs.Qkv, d.Qkv, Loss);
        AssertGradient(inputs.A, d.A, Loss);
        AssertGradient(inputs.B, d.B, Loss);
        AssertGradient(inputs.ALog, d.ALog, Loss);
        AssertGradient(inputs.DtBias, d.DtBias, Loss);
    }

    [Fact]
    public void SigmoidGate()
    {
        RealMatrix<double> x = Numbers(3, 5), gate = Numbers(3, 5), dy = Numbers(3, 5);
        (RealMatrix<double> dx, RealMatrix<double> dGate) = SigmoidGateReference<double>.Backward(dy, x, gate);
        AssertGradient(x, dx, () => Dot(dy, SigmoidGateReference<double>.Forward(x, gate)));
        AssertGradient(gate, dGate, () => Dot(dy, SigmoidGateReference<double>.Forward(x, gate)));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    public void Mixture(int chosen, bool normalizes)
    {
        // So many tokens that every expert has some.
        RealMatrix<double> x = Numbers(16, 5), dy = Numbers(16, 5);
        var mixture = new MixtureReference<double>(
            Numbers(3, 5), [Numbers(6, 5), Numbers(6, 5), Numbers(6, 5)], [Numbers(5, 3), Numbers(5, 3), Numbers(5, 3)], chosen,
            normalizes);
        (RealMatrix<double> dx, RealMatrix<double> dRouter, RealMatrix<double>[] dGateUp, RealMatrix<double>[] dDown) =
            mixture.Backward(dy, x);
        double Loss() => Dot(dy, mixture.Forward(x));
        AssertGradient(x, dx, Loss);
        AssertGradient(mixture.Router, dRouter, Loss);
        for (int expert = 0; expert < 3; expert++)
        {
            AssertGradient(mixture.GateUp[expert], dGateUp[expert], Loss);
            AssertGradient(mixture.Down[expert], dDown[expert], Loss);
        }
    }

    [Fact]
    public void Linear()
    {
        RealMatrix<double> x = Numbers(4, 5), w = Numbers(6, 5), bias = Numbers(1, 6), dy = Numbers(4, 6);
        RealMatrix<double> mask = Numbers(4, 5).Map((_, _, value) => value > 0 ? 1.25 : 0);
        LoraPartReference<double>[] lora =
        [
            new(0, Numbers(2, 5), Numbers(3, 2), null),
            new(4, Numbers(3, 5), Numbers(2, 3), mask),
        ];
        double Loss() => Dot(dy, LinearReference<double>.Forward(x, w, bias, null, lora, 0.6));
        AssertGradient(x, LinearReference<double>.InputGradient(dy, w, lora, 0.6), Loss);
        AssertGradient(w, LinearReference<double>.WeightGradient(dy, x), Loss);
        AssertGradient(bias, LinearReference<double>.BiasGradient(dy), Loss);
        foreach (LoraPartReference<double> part in lora)
        {
            (RealMatrix<double> dA, RealMatrix<double> dB) = LinearReference<double>.FactorGradients(dy, x, part, 0.6);
            AssertGradient(part.A, dA, Loss);
            AssertGradient(part.B, dB, Loss);
        }
    }

    [Fact]
    public void PairLoss()
    {
        var options = new PairLossOptions(1.5f, 0.1f, 0.02f, 0.03f);
        RealMatrix<double> rewards = Numbers(1, 8), margins = Numbers(1, 4), weights = Numbers(1, 4);
        AssertGradient(
            rewards, PairLossReference<double>.Gradient(rewards, margins, weights, options, 0.25f),
            () => PairLossReference<double>.Losses(rewards, margins, weights, options, 0.25f).Values.ToArray().Sum());
    }

    [Theory]
    [InlineData(RankingLossKind.Pairwise, 0.1f)]
    [InlineData(RankingLossKind.PlackettLuce, 0)]
    public void RankingLoss(RankingLossKind kind, float smoothing)
    {
        var options = new PairLossOptions(1.5f, smoothing, 0.02f, 0.03f);
        RankingLayout rankings = RankingLossCases.Of([[0, 1, 2, 3], [0, 0, 1, 1], [1, 0]]);
        RealMatrix<double> rewards = Numbers(1, rankings.Answers), margins = Numbers(1, 3), weights = Numbers(1, 3);
        AssertGradient(
            rewards, RankingLossReference<double>.Gradient(rewards, rankings, kind, margins, weights, options, 0.25f),
            () => RankingLossReference<double>.Losses(rewards, rankings, kind, margins, weights, options, 0.25f).Values.ToArray().Sum());
    }

    private static void AssertGradient(RealMatrix<double> at, RealMatrix<double> gradient, Func<double> loss)
    {
        const double Step = 1e-5;
        Assert.Equal((at.Rows, at.Columns), (gradient.Rows, gradient.Columns));
        Assert.Contains(gradient.Values.ToArray(), value => Math.Abs(value) > 1e-3);
        for (int i = 0; i < at.Values.Length; i++)
        {
            double value = at.Values[i];
            at.Values[i] = value + Step;
            double above = loss();
            at.Values[i] = value - Step;
            double below = loss();
            at.Values[i] = value;
            Assert.Equal((above - below) / (2 * Step), gradient.Values[i], 1e-7);
        }
    }

    private static double Dot(RealMatrix<double> a, RealMatrix<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Values.Length; i++)
        {
            sum += a.Values[i] * b.Values[i];
        }

        return sum;
    }

    private RealMatrix<double> Numbers(int rows, int columns) =>
        new RealMatrix<double>(rows, columns).Map((_, _, _) => (2 * _random.NextDouble()) - 1);
}
