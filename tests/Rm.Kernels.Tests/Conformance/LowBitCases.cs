using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>
/// Linear layers whose weight stays in few bits: each kind of code and scale at the edges of tiles, alone and beside factors of low rank.
/// </summary>
internal static class LowBitCases
{
    private const float Scale = 0.5f;

    private sealed record Setup(
        LowBitCode Code, int Block, bool IsDouble, int Rows, int Out, int In, int Rank = 0, bool Extras = false, bool ToLarge = false)
    {
        public override string ToString() =>
            $"low bit {Code} {(Block == 0 ? "rows" : $"blocks={Block}")}{(IsDouble ? " double" : "")} T={Rows} [{Out}, {In}]"
            + $"{(Rank > 0 ? $" rank={Rank}" : "")}{(Extras ? ", bias, residual, dx +=" : "")}{(ToLarge ? " large numbers" : "")}";
    }

    public static IEnumerable<OperationCase> All { get; } =
    [
        .. new Setup[]
        {
            new(LowBitCode.Nf4, 64, false, 1, 8, 64),
            new(LowBitCode.Nf4, 64, false, 130, 136, 192, Extras: true),
            new(LowBitCode.Nf4, 32, false, 5, 259, 96, Rank: 4),
            new(LowBitCode.Nf4, 64, true, 37, 40, 320, Rank: 8, Extras: true),
            new(LowBitCode.Nf4, 16, true, 129, 72, 208),
            new(LowBitCode.Int8, 0, false, 33, 129, 80, Extras: true),
            new(LowBitCode.Int8, 0, false, 5, 24, 288, Rank: 16),
            new(LowBitCode.Fp8, 0, false, 67, 40, 176, Rank: 3),
            new(LowBitCode.Fp8, 32, false, 131, 131, 144, Extras: true),
            new(LowBitCode.Nf4, 64, false, 9, 48, 128, Extras: true, ToLarge: true),
            new(LowBitCode.Int8, 0, false, 34, 80, 48, Extras: true, ToLarge: true),
        }.Select(setup => new OperationCase(setup.ToString(), bench => Run(bench, setup))),
        .. new Setup[]
        {
            new(LowBitCode.Nf4, 64, true, 37, 48, 128),
            new(LowBitCode.Int8, 0, false, 33, 272, 80),
            new(LowBitCode.Fp8, 32, false, 130, 40, 96),
        }.Select(setup => new OperationCase($"{setup}, and its SwiGLU", bench => WithSwiGlu(bench, setup))),
    ];

    private static void WithSwiGlu(OperationBench bench, Setup setup)
    {
        PreparedLayout layout = bench.Prepare(Layouts.Of([0, setup.Rows]));
        var reference = new LowBitReference(setup.Code, setup.Block, setup.IsDouble, setup.Out, setup.In, new Random(7));
        Tensor x = bench.InputActivation("x", bench.Activations(setup.Rows, setup.In));
        GuardedTensor y = bench.OutputActivation("y", setup.Rows, setup.Out);
        LinearCases.CheckSwiGlu(
            bench, new LinearForwardArgs(layout, x, bench.LowBitWeight(reference), null, null, null, null, y.View), y, setup.Out);
    }

    private static void Run(OperationBench bench, Setup setup)
    {
        PreparedLayout layout = bench.Prepare(Layouts.Of([0, setup.Rows]));
        var reference = new LowBitReference(setup.Code, setup.Block, setup.IsDouble, setup.Out, setup.In, new Random(7));

        // What is multiplied with is the value in the activations' type.
        RealMatrix<double> w =
            new RealMatrix<double>(setup.Out, setup.In).Map((r, c, _) => GuardedTensor.Round(reference.Value(r, c), bench.Activation));
        RealMatrix<double> x = bench.Activations(setup.Rows, setup.In), dy = bench.Activations(setup.Rows, setup.Out);
        RealMatrix<double>? bias = setup.Extras ? bench.Numbers(1, setup.Out) : null;
        RealMatrix<double>? residual = setup.Extras ? bench.Activations(setup.Rows, setup.Out) : null;

        // Of the size of what is added, or far larger: the CPU's sums start from it.
        double size = setup.ToLarge ? 64 : 0.125;
        RealMatrix<double> dxBefore = bench.Activations(setup.Rows, setup.In).Map((_, _, value) => value * size);
        RealMatrix<double> a = bench.Numbers(Math.Max(1, setup.Rank), setup.In),
            b = bench.Numbers(setup.Out, Math.Max(1, setup.Rank), scale: 0.1);
        LoraPartReference<double>[] exact = setup.Rank == 0 ? [] : [new(0, a, b, null)];
        LoraPartReference<float>[] single = setup.Rank == 0 ? [] : [new(0, a.To<float>(), b.To<float>(), null)];
        LoraFactors? lora = setup.Rank == 0 ? null : new LoraFactors(
            bench.Input("a", a), GradA: null, [new LoraPart(0, 0, bench.Input("b", b), GradB: null, DropoutStream: 0)], Scale,
            Dropout: null);

        // Rows of S stand at multiples of eight elements.
        GuardedTensor? s = setup.Rank == 0 ? null : bench.OutputActivation("s", setup.Rows, setup.Rank, gap: (8 - (setup.Rank % 8)) % 8);
        LinearWeight weight = bench.LowBitWeight(reference);
        Tensor xInput = bench.InputActivation("x", x, gap: 8);

        GuardedTensor y = bench.OutputActivation("y", setup.Rows, setup.Out, gap: 8 + ((8 - (setup.Out % 8)) % 8));
        bench.Backend.LinearForward(new LinearForwardArgs(
            layout, xInput, weight, bias is null ? null : bench.Input("bias", bias),
            residual is null ? null : bench.InputActivation("residual", residual, gap: 16), lora, s?.View, y.View));
        bench.Check(
            y, LinearReference<double>.Forward(x, w, bias, residual, exact, Scale),
            LinearReference<float>.Forward(x.To<float>(), w.To<float>(), bias?.To<float>(), residual?.To<float>(), single, Scale));

        GuardedTensor dx = setup.Extras
            ? bench.InOut("dx", dxBefore, bench.Activation)
            : bench.OutputActivation("dx", setup.Rows, setup.In, gap: 8);
        bench.Backend.LinearBackward(new LinearBackwardArgs(
            layout, bench.InputActivation("dy", dy, gap: 8 + ((8 - (setup.Out % 8)) % 8)), xInput, weight, lora, s?.View, dx.View,
            setup.Extras, null, null,
            bench.Scratch));
        RealMatrix<double> expected = LinearReference<double>.InputGradient(dy, w, exact, Scale);
        RealMatrix<float> naive = setup.ToLarge
            ? AddedInPlace(dxBefore.To<float>(), dy.To<float>(), w.To<float>())
            : LinearReference<float>.InputGradient(dy.To<float>(), w.To<float>(), single, Scale);
        if (setup.Extras)
        {
            expected = expected.Plus(dxBefore);
            naive = setup.ToLarge ? naive : naive.Plus(dxBefore.To<float>());
        }

        bench.Check(dx, expected, naive);
    }

    /// <summary>A plain loop that adds every product to the number in place.</summary>
    private static RealMatrix<float> AddedInPlace(RealMatrix<float> before, RealMatrix<float> dy, RealMatrix<float> w) =>
        before.Map((row, column, value) =>
        {
            for (int o = 0; o < w.Rows; o++)
            {
                value += dy[row, o] * w[o, column];
            }

            return value;
        });
}
