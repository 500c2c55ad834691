using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// What whole linear layers do on the device beyond their cases: masks bit by bit, bits that depend on a row alone, refusals.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CudaLoraLinearTests
{
    private const ulong Seed = 0x1234_5678_9ABC_DEF0;

    // 136 columns: more than one step of the product over x, and of the ranks. Odd tokens only, in reverse, show whose keys are used.
    [Theory]
    [InlineData(DType.BF16, false)]
    [InlineData(DType.BF16, true)]
    [InlineData(DType.F32, true)]
    public void Forward_drops_exactly_the_elements_of_the_mask(DType activation, bool someRows)
    {
        const int Inputs = 136, Outputs = 16;
        using Device device = new(activation);
        int rows = someRows ? 35 : 70;
        SequenceLayout layout = Layouts.Of([0, 70]);
        int[]? tokenRows = someRows ? [.. Enumerable.Range(0, rows).Select(i => 69 - (2 * i))] : null;
        OperationBench bench = device.Bench;

        // A = 1 and x = 1: S is the mask.
        LoraPart part = new(0, 0, bench.Input("b", Zeros(Outputs, Inputs)), null, DropoutStream: 11);
        LoraFactors lora = new(bench.Input("a", Identity(Inputs)), null, [part], Scale: 1, new LoraDropout(0.3f, Seed));
        GuardedTensor s = bench.OutputActivation("s", rows, Inputs), y = bench.OutputActivation("y", rows, Outputs);
        bench.Backend.LinearForward(new LinearForwardArgs(
            bench.Prepare(layout), bench.InputActivation("x", Ones(rows, Inputs)), bench.FrozenWeight(Zeros(Outputs, Inputs), true), null,
            null,
            lora, s.View, y.View)
        { TokenRows = tokenRows });
        AssertMask(s.Read(), layout, tokenRows, stream: 11);
    }

    // Keys of all tokens come with the layout, and those of the same rows as before are on the device already.
    [Theory]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    [InlineData(false)]
    [InlineData(true)]
    public void Keys_are_not_uploaded_again_for_the_same_rows(bool someRows)
    {
        CudaTest.NeedsEmulator();
        const int Inputs = 24, Outputs = 16;
        using Device device = new(DType.BF16);
        OperationBench bench = device.Bench;
        int[]? tokenRows = someRows ? [3, 5, 11] : null;
        int rows = tokenRows?.Length ?? 12;
        LoraFactors lora = new(
            bench.Input("a", Ones(4, Inputs)), null, [new(0, 0, bench.Input("b", Zeros(Outputs, 4)), null, 1)], 1,
            new LoraDropout(0.3f, Seed));
        LinearForwardArgs args = new(
            bench.Prepare(Layouts.Of([0, 12])), bench.InputActivation("x", Ones(rows, Inputs)),
            bench.FrozenWeight(Zeros(Outputs, Inputs), true), null,
            null, lora, bench.OutputActivation("s", rows, 4, gap: 4).View, bench.OutputActivation("y", rows, Outputs).View)
        {
            TokenRows = tokenRows,
        };
        ulong before = Emulator.Counters[2];
        bench.Backend.LinearForward(args);
        Assert.Equal(someRows ? 1UL : 0, Emulator.Counters[2] - before);
        bench.Backend.LinearForward(args with { TokenRows = tokenRows is null ? null : [.. tokenRows] });
        Assert.Equal(someRows ? 1UL : 0, Emulator.Counters[2] - before);
        if (someRows)
        {
            bench.Backend.LinearForward(args with { TokenRows = [3, 5, 10] });
            Assert.Equal(2UL, Emulator.Counters[2] - before);
        }
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F32)]
    public void Backward_drops_exactly_the_elements_of_the_mask(DType activation)
    {
        const int Tokens = 40, Inputs = 136;
        using Device device = new(activation);
        OperationBench bench = device.Bench;
        SequenceLayout layout = Layouts.Of([0, Tokens]);

        // dY = B = 1, so that dS = 1: row t of GradA is the mask of token t, and with W = 0 and ones in the first row of A so is dX.
        GuardedTensor gradA = bench.InOut("grad_a", Zeros(Tokens, Inputs)), gradB = bench.InOut("grad_b", Zeros(Tokens, Tokens));
        GuardedTensor dx = bench.OutputActivation("dx", Tokens, Inputs);
        LoraPart part = new(0, 0, bench.Input("b", Identity(Tokens)), gradB.View, DropoutStream: 5);
        LoraFactors lora = new(bench.Input("a", Ones(Tokens, Inputs)), gradA.View, [part], Scale: 1, new LoraDropout(0.3f, Seed));
        bench.Backend.LinearBackward(new LinearBackwardArgs(
            bench.Prepare(layout), bench.InputActivation("dy", Identity(Tokens)), bench.InputActivation("x", Ones(Tokens, Inputs)),
            bench.FrozenWeight(Zeros(Tokens, Inputs), true), lora, bench.InputActivation("s", Zeros(Tokens, Tokens)), dx.View, false, null,
            null,
            bench.Scratch));
        AssertMask(gradA.Read(), layout, null, stream: 5);
        AssertMask(dx.Read(), layout, null, stream: 5);
    }

    [Theory]
    [InlineData(DType.BF16, 0f)]
    [InlineData(DType.BF16, 0.2f)]
    [InlineData(DType.F32, 0.2f)]
    public void A_row_has_the_same_bits_in_other_company(DType activation, float dropout)
    {
        using Device device = new(activation);
        Layer layer = new(device.Bench, rows: 130, dropout);
        int[] all = [.. Enumerable.Range(0, 130)];
        (uint[] y, uint[] dX) = layer.Run(all);
        foreach (int row in new[] { 0, 1, 63, 64, 129 })
        {
            (uint[] alone, uint[] dXAlone) = layer.Run([row]);
            Assert.Equal(y.AsSpan(row * alone.Length, alone.Length).ToArray(), alone);
            Assert.Equal(dX.AsSpan(row * dXAlone.Length, dXAlone.Length).ToArray(), dXAlone);
        }
    }

    // 600 tokens are three splits of every sum.
    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void Gradients_have_the_same_bits_in_every_schedule()
    {
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        Assert.Equal(3, CudaLoraGradient.Splits(600, 7, 136).Count);
        float[]? first = null;
        for (ulong seed = 0; seed < 3; seed++)
        {
            Emulator.SetSeed(seed);
            using Device device = new(DType.BF16);
            Layer layer = new(device.Bench, rows: 600, dropout: 0);
            layer.Run([.. Enumerable.Range(0, 600)]);
            float[] gradients = layer.Gradients();
            Assert.Contains(gradients, static value => value != 0);
            first ??= gradients;
            Assert.Equal(first, gradients);
        }
    }

    [Fact]
    public void Sums_are_split_by_the_shape_alone()
    {
        Assert.Equal((256, 1), CudaLoraGradient.Splits(1, 4, 64));
        Assert.Equal((256, 2), CudaLoraGradient.Splits(257, 4, 64));
        Assert.Equal((256, 64), CudaLoraGradient.Splits(16384, 12, 2048));
        Assert.Equal((288, 57), CudaLoraGradient.Splits(16385, 12, 2048));

        // Many ranks and columns are enough blocks by themselves.
        Assert.Equal((1376, 6), CudaLoraGradient.Splits(8192, 8, 22016));
        Assert.Equal((8192, 1), CudaLoraGradient.Splits(8192, 256, 22016));
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F32)]
    public void A_trainable_weight_follows_its_master_at_refresh(DType activation)
    {
        using Device device = new(activation);
        OperationBench bench = device.Bench;
        Tensor master = bench.Backend.AllocatePersistent(DType.F32, new Shape(8, 8));
        using LinearWeight weight = bench.Backend.CreateTrainableWeight(master);
        Assert.True(weight.IsTrainable);
        Assert.Throws<InvalidOperationException>(() => weight.Load(0, new float[8]));
        Tensor x = bench.InputActivation("x", Identity(8));
        PreparedLayout layout = bench.Prepare(Layouts.Of([0, 8]));
        foreach (double scale in new[] { 1, 3.5 })
        {
            RealMatrix<double> values = Identity(8).Map((i, j, value) => scale * (value + i + (8 * j)));
            bench.Backend.Upload<float>(Array.ConvertAll(values.Values.ToArray(), v => (float)v), master);
            bench.Backend.Refresh(weight);
            GuardedTensor y = bench.OutputActivation("y", 8, 8);
            bench.Backend.LinearForward(new LinearForwardArgs(layout, x, weight, null, null, null, null, y.View));
            RealMatrix<double> product = y.Read();
            for (int i = 0; i < 64; i++)
            {
                Assert.Equal(GuardedTensor.Round(values[i % 8, i / 8], activation), product[i / 8, i % 8]);
            }
        }
    }

    [Fact]
    public void What_the_kernels_cannot_do_is_refused_by_name()
    {
        using Device device = new(DType.BF16);
        OperationBench bench = device.Bench;
        PreparedLayout layout = bench.Prepare(Layouts.Of([0, 4]));
        LinearWeight weight = bench.FrozenWeight(Ones(40, 8), true);
        Tensor x = bench.InputActivation("x", Ones(4, 8)), y = bench.OutputActivation("y", 4, 40).View;
        Tensor s = bench.OutputActivation("s", 4, 8).View, b = bench.Input("b", Ones(40, 8)), a = bench.Input("a", Ones(8, 8));
        LoraFactors lora = new(a, null, [new LoraPart(0, 0, b, null, 0)], 1, null);
        Refused("needs S", lora, null);
        Refused("S is F32", lora, bench.Output("s32", 4, 8).View);
        Refused("multiples of 16 bytes", lora, bench.OutputActivation("s", 4, 8, gap: 1).View);
        Refused("do not fit", lora with { Parts = [new LoraPart(8, 0, b, null, 0)] }, s);
        Refused("do not fit", lora with { Parts = [new LoraPart(0, 1, b, null, 0)] }, s);
        Refused("do not fit", lora with { Dropout = new LoraDropout(1, 0) }, s);
        LoraPart[] five = [.. Enumerable.Range(0, 5).Select(i => new LoraPart(8 * i, i, bench.Input("b", Ones(8, 1)), null, 0))];
        Refused("at most 4 parts", lora with { A = bench.Input("a", Ones(5, 8)), Parts = five },
            bench.OutputActivation("s", 4, 5, gap: 3).View);
        Refused("token of each row", lora with { Dropout = new LoraDropout(0.1f, 0) }, s, [0, 1, 2, 4]);
        Refused("token of each row", lora with { Dropout = new LoraDropout(0.1f, 0) }, s, [0, 1, 2]);
        Assert.Throws<ArgumentException>(() => bench.Backend.Refresh(weight));
        Assert.Throws<ArgumentException>(() => bench.Backend.CreateTrainableWeight(x));

        void Refused(string what, LoraFactors factors, Tensor? narrow, int[]? tokenRows = null) => Assert.Contains(
            what,
            Assert.Throws<ArgumentException>(() => bench.Backend.LinearForward(
                new LinearForwardArgs(layout, x, weight, null, null, factors, narrow, y) { TokenRows = tokenRows })).Message);
    }

    private static RealMatrix<double> Zeros(int rows, int columns) => new(rows, columns);

    private static RealMatrix<double> Ones(int rows, int columns) => new RealMatrix<double>(rows, columns).Map(static (_, _, _) => 1);

    private static RealMatrix<double> Identity(int size) => new RealMatrix<double>(size, size).Map(static (i, j, _) => i == j ? 1 : 0);

    private static void AssertMask(RealMatrix<double> values, SequenceLayout layout, int[]? tokenRows, uint stream)
    {
        uint threshold = DropoutMask.Threshold(0.3f);
        for (int t = 0; t < values.Rows; t++)
        {
            for (int c = 0; c < values.Columns; c++)
            {
                bool keeps = DropoutMask.Keeps(Seed, stream, layout.TokenKeys[tokenRows?[t] ?? t], c, threshold);
                Assert.True(
                    keeps == (values[t, c] != 0), $"element [{t}, {c}] is {values[t, c]}, and the mask {(keeps ? "keeps" : "drops")} it");
            }
        }
    }

    private sealed class Device : IDisposable
    {
        private readonly CudaBackend _backend;

        public Device(DType activation)
        {
            CudaTest.OpenDevice().Dispose();
            _backend = new CudaBackend(ordinal: 0, activation);
            Bench = new OperationBench(_backend, seed: 4);
        }

        public OperationBench Bench { get; }

        public void Dispose()
        {
            Bench.Dispose();
            _backend.Dispose();
        }
    }

    /// <summary>A layer with two adapted parts, run on any rows of one batch.</summary>
    private sealed class Layer
    {
        private const int Inputs = 72, Outputs = 136;

        private readonly OperationBench _bench;
        private readonly PreparedLayout _layout;
        private readonly LinearWeight _weight;
        private readonly LoraFactors _lora;
        private readonly RealMatrix<double> _x;
        private readonly RealMatrix<double> _dy;
        private readonly GuardedTensor[] _gradients;

        public Layer(OperationBench bench, int rows, float dropout)
        {
            _bench = bench;
            _layout = bench.Prepare(Layouts.Of([0, rows]));
            _weight = bench.FrozenWeight(bench.Activations(Outputs, Inputs), needsInputGradient: true);
            _x = bench.Activations(rows, Inputs);
            _dy = bench.Activations(rows, Outputs);
            _gradients =
            [
                bench.InOut("grad_a", Zeros(7, Inputs)), bench.InOut("grad_b[0]", Zeros(64, 4)), bench.InOut("grad_b[1]", Zeros(56, 3)),
            ];
            LoraPart[] parts =
            [
                new(0, 0, bench.Input("b", bench.Numbers(64, 4)), _gradients[1].View, 1),
                new(72, 4, bench.Input("b", bench.Numbers(56, 3)), _gradients[2].View, 2),
            ];
            _lora = new LoraFactors(
                bench.Input("a", bench.Numbers(7, Inputs)), _gradients[0].View, parts, 0.5f, dropout > 0
                    ? new LoraDropout(dropout, Seed)
                    : null);
        }

        /// <summary>Bits of y and dX for the given tokens.</summary>
        public (uint[] Y, uint[] DX) Run(int[] tokens)
        {
            Tensor x = _bench.InputActivation("x", _x.TakeRows(tokens)), dy = _bench.InputActivation("dy", _dy.TakeRows(tokens));
            GuardedTensor s = _bench.OutputActivation("s", tokens.Length, 7, gap: 1);
            GuardedTensor y = _bench.OutputActivation("y", tokens.Length, Outputs),
                dx = _bench.OutputActivation("dx", tokens.Length, Inputs);
            _bench.Backend.LinearForward(
                new LinearForwardArgs(_layout, x, _weight, null, null, _lora, s.View, y.View) { TokenRows = tokens });
            _bench.Backend.LinearBackward(
                new LinearBackwardArgs(
                    _layout, dy, x, _weight, _lora, s.View, dx.View, false, null, null, _bench.Scratch)
                { TokenRows = tokens });
            return (Bits(y), Bits(dx));
        }

        public float[] Gradients() =>
            [.. _gradients.SelectMany(static one => one.Read().Values.ToArray()).Select(static value => (float)value)];

        private static uint[] Bits(GuardedTensor tensor) =>
            Array.ConvertAll(tensor.Read().Values.ToArray(), static value => BitConverter.SingleToUInt32Bits((float)value));
    }
}
