using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cpu;

/// <summary>Arguments that do not fit together must be refused before a pointer moves.</summary>
public sealed class CpuArgumentTests : IDisposable
{
    private readonly CpuBackend _backend = new(1);
    private readonly PreparedLayout _layout;

    public CpuArgumentTests() => _layout = _backend.Prepare(Layouts.Of([3, 2, 2]));

    public void Dispose()
    {
        _layout.Dispose();
        _backend.Dispose();
    }

    [Fact]
    public void Shapes_must_match()
    {
        Assert.Throws<ArgumentException>(() => _backend.RmsNormForward(new(New(7, 8), New(1, 9), 1e-5f, New(7, 8), New(1, 7))));
        Assert.Throws<ArgumentException>(() => _backend.RmsNormForward(new(New(7, 8), New(1, 8), 1e-5f, New(6, 8), New(1, 7))));
        Assert.Throws<ArgumentException>(() => _backend.SwiGluForward(new(New(7, 15), New(7, 8))));
        Assert.Throws<ArgumentException>(() => _backend.HeadNormForward(new(New(7, 15), New(1, 8), 1e-5f, New(7, 15), New(7, 2))));
        Assert.Throws<ArgumentException>(() => _backend.RopeApply(new(New(7, 24), New(7, 16), false)));
        Assert.Throws<ArgumentException>(() => _backend.EmbeddingForward(new(_layout, New(50, 8), New(6, 8))));
        Assert.Throws<ArgumentException>(() => _backend.RewardHeadForward(new(New(2, 8), New(1, 8), New(1, 3))));
        Assert.Throws<ArgumentException>(() => _backend.PairLoss(new(New(1, 3), null, null, new(), 1, New(1, 2), null)));
        Assert.Throws<ArgumentException>(() => Rank(New(1, 3), new RankingLayout([0, 2], [0, 1], [0, 1])));
        Assert.Throws<ArgumentException>(() => _backend.Norm(New(3, 8).SliceColumns(0, 4)));
    }

    [Fact]
    public void Types_must_match() => Assert.Throws<ArgumentException>(
        () => _backend.Fill(_backend.AllocatePersistent(DType.BF16, new Shape(8)), 1));

    [Fact]
    public void Indices_must_exist()
    {
        Assert.Throws<ArgumentException>(() => _backend.EmbeddingForward(new(_layout, New(1, 8), New(7, 8))));
        Assert.Throws<ArgumentException>(() => _backend.GatherRows(new(New(7, 8), [7], New(1, 8))));
        Assert.Throws<ArgumentException>(() => _backend.ScatterAddRows(new(New(1, 8), [-1], New(7, 8))));
        foreach (int[] pairs in new int[][] { [0, 2], [-1, 1], [0, 1, 1] })
        {
            Assert.Throws<ArgumentException>(() => Rank(New(1, 2), new RankingLayout([0, 2], [0, 1], pairs)));
        }

        Assert.Throws<ArgumentException>(() => Rank(New(1, 4), new RankingLayout([0, 2, 4], [0, 1, 2], [0, 1, 1, 2])));
        Assert.Throws<ArgumentException>(() => Rank(New(1, 4), new RankingLayout([0, 2, 4], [0, 1, 1], [0, 1])));
    }

    [Fact]
    public void Plackett_Luce_knows_no_label_smoothing()
    {
        var two = new RankingLayout([0, 2], [0, 1], [0, 1]);
        Rank(New(1, 2), two, smoothing: 0.1f);
        Assert.Throws<ArgumentException>(() => Rank(New(1, 2), two, RankingLossKind.PlackettLuce, 0.1f));
        Assert.Throws<ArgumentException>(() => _backend.AdamW(new(
            New(1, 8), New(1, 8), New(1, 8), New(1, 8), [new(4, 5, 1, 0)], 1, 1)));
    }

    [Theory]
    [InlineData(3, 8, 4, 0.5f)]
    [InlineData(4, 16, 8, -1f)]
    [InlineData(4, 16, 8, float.NaN)]
    [InlineData(4, 12, 8, 1f)]
    public void Attention_wants_whole_heads_and_a_positive_scale(int headDim, int wide, int narrow, float scale) =>
        Assert.Throws<ArgumentException>(() => _backend.AttentionForward(new(
            _layout, New(7, wide), New(7, narrow), New(7, narrow), headDim, scale, New(7, wide), New(7, Math.Max(1, wide / headDim)))));

    [Theory]
    [InlineData(6, 5)]
    [InlineData(1, 7)]
    [InlineData(-1, 2)]
    public void Query_rows_must_be_tokens_in_order(int first, int second) =>
        Assert.Throws<ArgumentException>(() => _backend.AttentionForward(new(
        _layout, New(2, 16), New(7, 16), New(7, 16), 16, 1, New(2, 16), New(2, 1))
        { QueryRows = [first, second] }));

    [Fact]
    public void A_frozen_weight_wants_each_row_once()
    {
        using LinearWeight weight = _backend.CreateFrozenWeight(4, 8, needsInputGradient: false);
        Assert.Throws<InvalidOperationException>(() => Multiply(weight));
        Assert.Throws<ArgumentException>(() => weight.Load(0, new float[9]));
        Assert.Throws<ArgumentException>(() => weight.Load(3, new float[16]));
        weight.Load(2, new float[16]);
        Assert.Throws<ArgumentException>(() => weight.Load(1, new float[16]));
        Assert.Throws<InvalidOperationException>(() => Multiply(weight));
        weight.Load(0, new float[16]);
        Multiply(weight);
        using TensorArena scratch = _backend.CreateArena();
        Assert.Throws<InvalidOperationException>(() => _backend.LinearBackward(
            new(_layout, New(7, 4), New(7, 8), weight, null, null, New(7, 8), false, null, null, scratch)));
    }

    [Fact]
    public void A_trainable_weight_is_not_loaded()
    {
        using LinearWeight weight = _backend.CreateTrainableWeight(New(4, 8));
        Assert.Throws<InvalidOperationException>(() => weight.Load(0, new float[32]));
        Assert.True(weight.IsTrainable);
        Multiply(weight);
    }

    [Fact]
    public void Lora_factors_must_fit_the_weight()
    {
        using LinearWeight weight = _backend.CreateTrainableWeight(New(4, 8));
        foreach ((LoraPart part, Tensor a) in new[]
                 {
                     (new LoraPart(2, 0, New(3, 2), null, 0), New(2, 8)), (new LoraPart(0, 0, New(4, 2), null, 0), New(2, 7)),
                     (new LoraPart(0, 1, New(4, 2), null, 0), New(2, 8)), (new LoraPart(0, 0, New(4, 2), null, 0), New(3, 8)),
                 })
        {
            var lora = new LoraFactors(a, null, [part], 1, null);
            Assert.Throws<ArgumentException>(
                () => _backend.LinearForward(new(_layout, New(7, 8), weight, null, null, lora, New(7, a.Rows), New(7, 4))));
        }
    }

    private void Multiply(LinearWeight weight) =>
        _backend.LinearForward(new(_layout, New(7, 8), weight, null, null, null, null, New(7, 4)));

    private Tensor New(int rows, int columns) => _backend.AllocatePersistent(DType.F32, new Shape(rows, columns));

    private void Rank(
        Tensor rewards, RankingLayout rankings, RankingLossKind kind = RankingLossKind.Pairwise, float smoothing = 0) =>
        _backend.RankingLoss(new(rewards, rankings, kind, null, null, new(1, smoothing), 1, New(1, rankings.Count), null));
}
