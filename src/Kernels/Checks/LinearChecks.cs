using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Checks.OperationChecks;

namespace Rm.Kernels.Checks;

/// <summary>Linear layers: frozen, in few bits too, adapted, with dropout, trained.</summary>
internal static class LinearChecks
{
    private const float Scale = 8;
    private const int Hidden = 2048, KeyValues = 512, Intermediate = 11008, Rank = 4;

    public static IEnumerable<OperationCheck> All =>
    [
        .. OddShapes.LinearTiles.Where(static s => s.Rows is 5 or 129 or 130).SelectMany(static s => Layer(
            new Setup(s.Rows, s.Outputs, s.Inputs, []) { HasBias = s.Rows == 130, HasResidual = s.Rows == 130 })),
        .. Layer(new Setup(67, 96, 72, [4, 16, 3]) { HasBias = true }),
        .. Layer(new Setup(33, 64, 48, [8]) { Dropout = 0.25f }),
        .. Layer(new Setup(67, 272, 72, [4, 4]) { HasSwiGlu = true }),
        .. Layer(new Setup(37, 96, 72, []) { IsTrained = true, HasBias = true }),
        .. Layer(new Setup(67, 272, 192, [4, 4]) { Code = LowBitCode.Nf4, HasSwiGlu = true }),
        .. Layer(new Setup(130, 264, 448, []) { Code = LowBitCode.Nf4, HasBias = true, HasResidual = true }),
        .. Layer(new Setup(33, 72, 336, [16]) { Code = LowBitCode.Int8 }),
        .. Layer(new Setup(5, 40, 208, [3]) { Code = LowBitCode.Fp8, HasResidual = true }),
        .. Layer(new Setup(RealTokens, Hidden + KeyValues, Hidden, [Rank, Rank, Rank]) { HasBias = true, IsReal = true }),
        .. Layer(new Setup(RealTokens, Hidden, Hidden, [Rank]) { HasResidual = true, IsReal = true }),
        .. Layer(new Setup(RealTokens, 2 * Intermediate, Hidden, [Rank, Rank]) { HasSwiGlu = true, IsReal = true }),
        .. Layer(new Setup(RealTokens, Hidden, Intermediate, [Rank]) { HasResidual = true, IsReal = true }),
        .. Layer(new Setup(RealTokens, 2 * Intermediate, Hidden, [Rank, Rank]) { Code = LowBitCode.Nf4, HasSwiGlu = true, IsReal = true }),
        .. Layer(new Setup(RealTokens, Hidden, Hidden, [Rank]) { Code = LowBitCode.Int8, IsReal = true }),
        .. Layer(new Setup(RealTokens, Hidden, Hidden, [Rank]) { Code = LowBitCode.Fp8, IsReal = true }),
    ];

    public static IReadOnlyList<OperationCheck> LargeProducts { get; } =
    [
        Layer(new Setup(RealTokens, 4096, 4096, []) { IsReal = true }).First(),
        Layer(new Setup(RealTokens, 2 * Intermediate, Hidden, []) { IsReal = true }).First(),
    ];

    /// <summary>A layer. Ranks: one of each adapted part; the parts share the outputs.</summary>
    private sealed record Setup(int Rows, int Outputs, int Inputs, int[] Ranks)
    {
        public bool HasBias { get; init; }

        public bool HasResidual { get; init; }

        /// <summary>The outputs are gates and ups, and their SwiGLU is asked for too.</summary>
        public bool HasSwiGlu { get; init; }

        public bool IsTrained { get; init; }

        /// <summary>What the frozen weight's codes are, where it is kept in few bits.</summary>
        public LowBitCode? Code { get; init; }

        public float Dropout { get; init; }

        public bool IsReal { get; init; }

        public int TotalRank => Ranks.Sum();

        public double Flops => 2.0 * Rows * (((double)Outputs * Inputs) + (TotalRank * ((double)Outputs + Inputs)));

        public double Bytes => (Narrow * Rows * (Inputs + Outputs)) + (WeightBytes * Outputs * Inputs);

        private double WeightBytes => Code switch { null => Narrow, LowBitCode.Nf4 => 0.5, _ => 1 };

        public override string ToString() =>
            $"T={Rows} [{Outputs}, {Inputs}]{(Ranks.Length > 0 ? $" r={string.Join('+', Ranks)}" : "")}{(HasBias ? " bias" : "")}"
            + $"{(HasResidual ? " residual" : "")}{(Dropout > 0 ? " dropout" : "")}"
            + $"{(HasSwiGlu ? " swiglu" : "")}{(IsTrained ? " trained" : "")}{(Code is { } code ? $" {code}" : "")}";
    }

    private static IEnumerable<OperationCheck> Layer(Setup s)
    {
        yield return new(nameof(IBackend.LinearForward), $"{s}", false, s.IsReal, s.Flops, s.Bytes, side =>
        {
            PreparedLayout layout = side.Prepare(OddShapes.Layout([[0, s.Rows]]));
            Tensor x = side.Input("x", s.Rows, s.Inputs, gap: 8), y = side.Output("y", s.Rows, s.Outputs, gap: s.HasSwiGlu ? 0 : 8);
            Tensor? bias = s.HasBias ? side.Float("bias", 1, s.Outputs) : null;
            Tensor? residual = s.HasResidual ? side.Input("residual", s.Rows, s.Outputs, gap: 16) : null;
            LinearWeight weight = Weight(side, s);
            LoraFactors? lora = Factors(side, s, withGradients: false);
            Tensor? kept = lora is null ? null : side.Output("s", s.Rows, s.TotalRank, gap: 1);
            Tensor? swiGlu = s.HasSwiGlu ? side.Output("swiglu", s.Rows, s.Outputs / 2) : null;
            return () =>
                side.Backend.LinearForward(new LinearForwardArgs(layout, x, weight, bias, residual, lora, kept, y) { SwiGlu = swiGlu });
        });
        yield return new(nameof(IBackend.LinearBackward), $"{s}", false, s.IsReal, s.IsTrained ? 2 * s.Flops : s.Flops, s.Bytes, side =>
        {
            PreparedLayout layout = side.Prepare(OddShapes.Layout([[0, s.Rows]]));
            Tensor x = side.Input("x", s.Rows, s.Inputs, gap: 8), dy = side.Input("dy", s.Rows, s.Outputs, gap: 8);
            Tensor dx = side.InOut("dx", s.Rows, s.Inputs);
            LinearWeight weight = Weight(side, s);
            LoraFactors? lora = Factors(side, s, withGradients: true);
            Tensor? kept = lora is null ? null : side.Input("s", s.Rows, s.TotalRank, gap: 1);
            Tensor? dw = s.IsTrained ? side.FloatInOut("dw", s.Outputs, s.Inputs) : null;
            Tensor? dBias = s.IsTrained && s.HasBias ? side.FloatInOut("d_bias", 1, s.Outputs) : null;
            return () => side.Backend.LinearBackward(new LinearBackwardArgs(
                layout, dy, x, weight, lora, kept, dx, AccumulateDX: s.HasResidual, dw, dBias, side.Scratch));
        });
    }

    private static LinearWeight Weight(CheckSide side, Setup s) => s switch
    {
        { IsTrained: true } => side.TrainableWeight("w", s.Outputs, s.Inputs),
        { Code: { } code } => side.LowBitWeight("w", s.Outputs, s.Inputs, code),
        _ => side.Weight("w", s.Outputs, s.Inputs),
    };

    private static LoraFactors? Factors(CheckSide side, Setup s, bool withGradients)
    {
        if (s.Ranks.Length == 0)
        {
            return null;
        }

        // The first parts cover equal multiples of eight outputs, the last one the rest.
        List<LoraPart> parts = [];
        int row = 0, column = 0;
        for (int i = 0; i < s.Ranks.Length; i++)
        {
            int columns = i == s.Ranks.Length - 1 ? s.Outputs - column : s.Outputs / s.Ranks.Length / 8 * 8;
            Tensor b = side.Float($"b{i}", columns, s.Ranks[i], scale: 0.1);
            Tensor? gradB = withGradients ? side.FloatInOut($"grad_b{i}", columns, s.Ranks[i]) : null;
            parts.Add(new LoraPart(column, row, b, gradB, (uint)i));
            row += s.Ranks[i];
            column += columns;
        }

        Tensor a = side.Float("a", s.TotalRank, s.Inputs, scale: 1 / Math.Sqrt(s.Inputs));
        Tensor? gradA = withGradients ? side.FloatInOut("grad_a", s.TotalRank, s.Inputs) : null;
        return new LoraFactors(a, gradA, parts, Scale, s.Dropout > 0 ? new LoraDropout(s.Dropout, 99) : null);
    }
}
