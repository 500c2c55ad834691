using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class LinearCases
{
    private const float Scale = 0.75f;

    /// <summary>What a case turns on. Ranks: one of each LoRA part; several parts cover unequal column ranges with a gap.</summary>
    private sealed record Setup(
        int Rows, int Out, int In, int[] Ranks, bool Trainable = false, bool Bias = false, bool Residual = false, float Dropout = 0,
        bool AccumulateDX = false, bool SomeRows = false, bool OwnScales = false)
    {
        public override string ToString() =>
            $"linear T={Rows} [{Out}, {In}] ranks={string.Join('+', Ranks)}{(Trainable ? " trainable" : "")}{(Bias ? " bias" : "")}"
            + $"{(Residual ? " residual" : "")}{(Dropout > 0 ? $" dropout={Dropout}" : "")}{(AccumulateDX ? " dx+=" : "")}{(SomeRows ? " rows" : "")}"
            + (OwnScales ? " scales" : "");

        /// <summary>Factor on part i beside the layer's.</summary>
        public float PartScale(int i) => OwnScales ? 1.5f + i : 1;
    }

    public static IEnumerable<OperationCase> All { get; } =
    [
        .. new Setup[]
        {
            new(1, 8, 8, []),
            new(5, 24, 40, [], Bias: true, Residual: true),
            new(37, 96, 72, [], Trainable: true, Bias: true),
            new(3, 200, 136, [], Trainable: true, AccumulateDX: true),
            new(67, 576, 200, [4], Residual: true),
            new(1, 64, 32, [1]),
            new(33, 96, 64, [8], AccumulateDX: true),
            new(29, 320, 72, [4, 16, 3], Bias: true),
            new(130, 136, 64, [16, 16], Trainable: true, Bias: true, Residual: true),
            new(17, 64, 48, [8], Dropout: 0.25f),
            new(150, 120, 56, [4, 5], Bias: true, Dropout: 0.1f, AccumulateDX: true),
            new(9, 64, 40, [2, 3], Trainable: true, Dropout: 0.5f, SomeRows: true),

            // More ranks than a tile, one more row than one; sums over tokens in more than one split.
            new(65, 48, 72, [20, 20]),
            new(300, 24, 16, [3], Trainable: true, Bias: true, Dropout: 0.2f),
            new(520, 16, 24, [2, 2]),

            // Modules with scales of their own.
            new(29, 320, 72, [4, 16, 3], Bias: true, OwnScales: true),
            new(19, 320, 72, [4, 9], Dropout: 0.25f, OwnScales: true),
        }.Select(setup => new OperationCase(setup.ToString(), bench => Run(bench, setup))),
        new OperationCase("linear backward without dx, frozen factors", OnlyInputGradient),
        .. new Setup[]
        {
            new(1, 16, 8, []),
            new(37, 48, 72, [4, 2], Bias: true),
            new(130, 272, 40, [16]),
            new(9, 24, 40, []),
            new(6, 32, 40, [8], Residual: true),
        }.Select(setup => new OperationCase($"{setup}, and its SwiGLU", bench => WithSwiGlu(bench, setup))),
    ];

    // Asked for together, the layer and its SwiGLU have the bits that they have one after the other, which other cases compare with
    // references.
    private static void WithSwiGlu(OperationBench bench, Setup setup)
    {
        SequenceLayout layout = Layouts.Of([0, setup.Rows]);
        PreparedLayout prepared = bench.Prepare(layout);
        var factors = new Factors(bench, setup, layout, null);
        LinearWeight weight = bench.FrozenWeight(bench.Activations(setup.Out, setup.In), needsInputGradient: false);
        Tensor x = bench.InputActivation("x", bench.Activations(setup.Rows, setup.In));
        Tensor? bias = setup.Bias ? bench.Input("bias", bench.Numbers(1, setup.Out)) : null;
        Tensor? residual = setup.Residual ? bench.InputActivation("residual", bench.Activations(setup.Rows, setup.Out)) : null;
        int ranks = setup.Ranks.Sum();
        GuardedTensor? s = ranks == 0 ? null : NarrowOutput(bench, setup.Rows, ranks);
        GuardedTensor y = bench.OutputActivation("y", setup.Rows, setup.Out);
        CheckSwiGlu(bench, new(prepared, x, weight, bias, residual, factors.Arguments, s?.View, y.View), y, setup.Out);
    }

    /// <summary>Checks that a layer, <c>y[T, out]</c>, gives the same bits alone and together with the SwiGLU of its halves.</summary>
    public static void CheckSwiGlu(OperationBench bench, LinearForwardArgs args, GuardedTensor y, int outFeatures)
    {
        int rows = y.View.Rows;
        GuardedTensor product = bench.OutputActivation("product", rows, outFeatures / 2);
        GuardedTensor apart = bench.OutputActivation("product apart", rows, outFeatures / 2);
        bench.Backend.LinearForward(args);
        bench.Backend.SwiGluForward(new SwiGluForwardArgs(y.View, apart.View));
        bench.Backend.Synchronize();
        double[] before = y.Read().Values.ToArray();
        bench.Backend.LinearForward(args with { SwiGlu = product.View });
        bench.Backend.Synchronize();
        Assert.Equal(before, y.Read().Values.ToArray());
        Assert.Equal(apart.Read().Values.ToArray(), product.Read().Values.ToArray());
        Assert.Contains(before, static value => value != 0);
    }

    private static void Run(OperationBench bench, Setup setup)
    {
        // Twice the rows when only some of the tokens are asked for.
        SequenceLayout layout = Layouts.Of([0, setup.SomeRows ? 2 * setup.Rows : setup.Rows]);
        int[]? tokenRows = setup.SomeRows ? [.. Enumerable.Range(0, setup.Rows).Select(i => (2 * i) + 1)] : null;
        PreparedLayout prepared = bench.Prepare(layout);
        RealMatrix<double> x = bench.Activations(setup.Rows, setup.In);
        RealMatrix<double> w = bench.Activations(setup.Out, setup.In, scale: 1 / Math.Sqrt(setup.In));
        RealMatrix<double>? bias = setup.Bias ? bench.Numbers(1, setup.Out) : null;
        RealMatrix<double>? residual = setup.Residual ? bench.Activations(setup.Rows, setup.Out) : null;
        var factors = new Factors(bench, setup, layout, tokenRows);
        LinearWeight weight = setup.Trainable ? bench.TrainableWeight(w) : bench.FrozenWeight(w, needsInputGradient: true);
        Tensor xInput = bench.InputActivation("x", x, gap: 8);
        Tensor? biasInput = bias is null ? null : bench.Input("bias", bias);

        int totalRank = setup.Ranks.Sum();
        GuardedTensor? s = totalRank == 0 ? null : NarrowOutput(bench, setup.Rows, totalRank);
        GuardedTensor y = residual is null
            ? bench.OutputActivation("y", setup.Rows, setup.Out)
            : bench.InOut("y over residual", residual, bench.Activation);
        bench.Backend.LinearForward(new LinearForwardArgs(
            prepared, xInput, weight, biasInput, residual is null ? null : y.View, factors.Arguments, s?.View, y.View)
        { TokenRows = tokenRows });
        RealMatrix<float> xf = x.To<float>(), wf = w.To<float>();
        bench.Check(
            y, LinearReference<double>.Forward(x, w, bias, residual, factors.Exact, Scale),
            LinearReference<float>.Forward(xf, wf, bias?.To<float>(), residual?.To<float>(), factors.Single, Scale));

        RealMatrix<double> dy = bench.Activations(setup.Rows, setup.Out);
        RealMatrix<double> dxBefore = bench.Activations(setup.Rows, setup.In);
        RealMatrix<double> dwBefore = bench.Numbers(setup.Out, setup.In);
        RealMatrix<double> dbBefore = bench.Numbers(1, setup.Out);
        GuardedTensor dx = setup.AccumulateDX
            ? bench.InOut("dx", dxBefore, bench.Activation)
            : bench.OutputActivation("dx", setup.Rows, setup.In);
        GuardedTensor? dw = setup.Trainable ? bench.InOut("dw", dwBefore) : null;
        GuardedTensor? db = setup.Trainable && setup.Bias ? bench.InOut("dbias", dbBefore) : null;
        bench.Backend.LinearBackward(new LinearBackwardArgs(
            prepared, bench.InputActivation("dy", dy, gap: 16), xInput, weight, factors.Arguments, s?.View, dx.View, setup.AccumulateDX,
            dw?.View, db?.View, bench.Scratch)
        { TokenRows = tokenRows });
        RealMatrix<float> dyf = dy.To<float>();
        RealMatrix<double> expectedDX = LinearReference<double>.InputGradient(dy, w, factors.Exact, Scale);
        RealMatrix<float> naiveDX = LinearReference<float>.InputGradient(dyf, wf, factors.Single, Scale);
        bench.Check(
            dx, setup.AccumulateDX ? expectedDX.Plus(dxBefore) : expectedDX, setup.AccumulateDX ? naiveDX.Plus(dxBefore.To<float>())
                : naiveDX);
        if (dw is not null)
        {
            bench.Check(
                dw, LinearReference<double>.WeightGradient(dy, x).Plus(dwBefore),
                LinearReference<float>.WeightGradient(dyf, xf).Plus(dwBefore.To<float>()));
        }

        if (db is not null)
        {
            bench.Check(
                db, LinearReference<double>.BiasGradient(dy).Plus(dbBefore),
                LinearReference<float>.BiasGradient(dyf).Plus(dbBefore.To<float>()));
        }

        factors.CheckGradients(dy, x);
    }

    // Rows of S start at multiples of 16 bytes in either type.
    private static GuardedTensor NarrowOutput(OperationBench bench, int rows, int ranks) =>
        bench.OutputActivation("s", rows, ranks, gap: (8 - (ranks % 8)) % 8);

    private static void OnlyInputGradient(OperationBench bench)
    {
        var setup = new Setup(21, 64, 48, [4]);
        SequenceLayout layout = Layouts.Of([0, 21]);
        PreparedLayout prepared = bench.Prepare(layout);
        var factors = new Factors(bench, setup, layout, null, frozen: true);
        RealMatrix<double> x = bench.Activations(21, 48), w = bench.Activations(64, 48), dy = bench.Activations(21, 64);
        LinearWeight weight = bench.FrozenWeight(w, needsInputGradient: true);
        Tensor xInput = bench.InputActivation("x", x);
        GuardedTensor s = NarrowOutput(bench, 21, 4);
        GuardedTensor y = bench.OutputActivation("y", 21, 64);
        bench.Backend.LinearForward(new LinearForwardArgs(prepared, xInput, weight, null, null, factors.Arguments, s.View, y.View));
        GuardedTensor dx = bench.OutputActivation("dx", 21, 48);
        Tensor dyInput = bench.InputActivation("dy", dy);
        bench.Backend.LinearBackward(new LinearBackwardArgs(
            prepared, dyInput, xInput, weight, factors.Arguments, s.View, dx.View, false, null, null, bench.Scratch));
        bench.Check(
            dx, LinearReference<double>.InputGradient(dy, w, factors.Exact, Scale),
            LinearReference<float>.InputGradient(dy.To<float>(), w.To<float>(), factors.Single, Scale));

        var trained = new Factors(bench, setup, layout, null);
        bench.Backend.LinearForward(new LinearForwardArgs(prepared, xInput, weight, null, null, trained.Arguments, s.View, y.View));
        bench.Backend.LinearBackward(new LinearBackwardArgs(
            prepared, dyInput, xInput, weight, trained.Arguments, s.View, null, false, null, null, bench.Scratch));
        trained.CheckGradients(dy, x);
    }

    /// <summary>LoRA factors as tensors and as references.</summary>
    private sealed class Factors
    {
        private readonly OperationBench _bench;
        private readonly GuardedTensor? _gradA;
        private readonly RealMatrix<double>? _gradABefore;
        private readonly List<(GuardedTensor? Tensor, RealMatrix<double> Before)> _gradB = [];

        public Factors(OperationBench bench, Setup setup, SequenceLayout layout, int[]? tokenRows, bool frozen = false)
        {
            _bench = bench;
            if (setup.Ranks.Length == 0)
            {
                return;
            }

            int totalRank = setup.Ranks.Sum();
            RealMatrix<double> a = bench.Numbers(totalRank, setup.In, scale: 1 / Math.Sqrt(setup.In));
            _gradABefore = bench.Numbers(totalRank, setup.In);
            _gradA = frozen ? null : bench.InOut("grad_a", _gradABefore);
            var parts = new List<LoraPart>();
            int rankRow = 0;
            for (int i = 0; i < setup.Ranks.Length; i++)
            {
                // One part covers everything; several leave an eighth of the columns between them unadapted, and differ in width.
                int column = setup.Ranks.Length == 1 ? 0 : i * setup.Out / setup.Ranks.Length / 8 * 8;
                int columns = setup.Ranks.Length == 1 ? setup.Out : (setup.Out / setup.Ranks.Length / 8 * 8) - (8 * ((i + 1) % 2));
                uint stream = (uint)(7 + i);
                RealMatrix<double> b = bench.Numbers(columns, setup.Ranks[i]);
                RealMatrix<double> before = bench.Numbers(columns, setup.Ranks[i]);
                GuardedTensor? gradB = frozen ? null : bench.InOut($"grad_b[{i}]", before);
                _gradB.Add((gradB, before));
                parts.Add(new LoraPart(column, rankRow, bench.Input("b", b), gradB?.View, stream) { Scale = setup.PartScale(i) });
                int[] rows = [.. Enumerable.Range(rankRow, setup.Ranks[i])];
                RealMatrix<double>? mask = setup.Dropout == 0 ? null : new RealMatrix<double>(setup.Rows, setup.In).Map((t, c, _) =>
                    DropoutMask.Keeps(99, stream, layout.TokenKeys[tokenRows?[t] ?? t], c, DropoutMask.Threshold(setup.Dropout))
                        ? 1 / (1 - (double)setup.Dropout) : 0);
                Exact.Add(new LoraPartReference<double>(column, a.TakeRows(rows), b, mask) { Scale = setup.PartScale(i) });
                Single.Add(new LoraPartReference<float>(column, a.TakeRows(rows).To<float>(), b.To<float>(), mask?.To<float>())
                {
                    Scale = setup.PartScale(i),
                });
                rankRow += setup.Ranks[i];
            }

            LoraDropout? dropout = setup.Dropout == 0 ? null : new LoraDropout(setup.Dropout, 99);
            Arguments = new LoraFactors(bench.Input("a", a), _gradA?.View, parts, Scale, dropout);
        }

        public LoraFactors? Arguments { get; }

        public List<LoraPartReference<double>> Exact { get; } = [];

        public List<LoraPartReference<float>> Single { get; } = [];

        public void CheckGradients(RealMatrix<double> dy, RealMatrix<double> x)
        {
            RealMatrix<double>? gradA = _gradABefore?.Copy();
            RealMatrix<float>? naiveA = _gradABefore?.To<float>();
            int rankRow = 0;
            for (int i = 0; i < Exact.Count; i++)
            {
                (RealMatrix<double> DA, RealMatrix<double> DB) exact = LinearReference<double>.FactorGradients(dy, x, Exact[i], Scale);
                (RealMatrix<float> DA, RealMatrix<float> DB) single =
                    LinearReference<float>.FactorGradients(dy.To<float>(), x.To<float>(), Single[i], Scale);
                (GuardedTensor? tensor, RealMatrix<double> before) = _gradB[i];
                _bench.Check(tensor!, exact.DB.Plus(before), single.DB.Plus(before.To<float>()));
                for (int r = 0; r < exact.DA.Rows; r++, rankRow++)
                {
                    for (int c = 0; c < exact.DA.Columns; c++)
                    {
                        gradA![rankRow, c] += exact.DA[r, c];
                        naiveA![rankRow, c] += single.DA[r, c];
                    }
                }
            }

            if (_gradA is not null)
            {
                _bench.Check(_gradA, gradA!, naiveA!);
            }
        }
    }
}
