using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>
/// LoRA products whose terms cancel: factors near one against signs that alternate. A factor that is rounded to bfloat16 loses the digits
/// that the result consists of.
/// </summary>
internal static class LoraCancellationCases
{
    private const int Rows = 20, Inputs = 96, Outputs = 64, Rank = 4;
    private const float Scale = 0.75f;

    public static IEnumerable<OperationCase> All => [new("lora products that cancel", Run)];

    private static void Run(OperationBench bench)
    {
        PreparedLayout prepared = bench.Prepare(Layouts.Of([0, Rows]));
        RealMatrix<double> x = Alternating(Rows, Inputs), dy = Alternating(Rows, Outputs), w = bench.Activations(Outputs, Inputs);
        RealMatrix<double> a = NearOne(bench, Rank, Inputs), b = NearOne(bench, Outputs, Rank);
        LoraPartReference<double> exact = new(0, a, b, null);
        LoraPartReference<float> naive = new(0, a.To<float>(), b.To<float>(), null);
        RealMatrix<double> zeroA = new(Rank, Inputs), zeroB = new(Outputs, Rank);
        GuardedTensor gradA = bench.InOut("grad_a", zeroA), gradB = bench.InOut("grad_b", zeroB);
        LoraFactors lora =
            new(bench.Input("a", a), gradA.View, [new LoraPart(0, 0, bench.Input("b", b), gradB.View, DropoutStream: 1)], Scale, null);
        LinearWeight weight = bench.FrozenWeight(w, needsInputGradient: true);
        Tensor xInput = bench.InputActivation("x", x);
        GuardedTensor s = bench.OutputActivation("s", Rows, Rank, gap: 4), y = bench.OutputActivation("y", Rows, Outputs);
        bench.Backend.LinearForward(new LinearForwardArgs(prepared, xInput, weight, null, null, lora, s.View, y.View));
        bench.Check(s, LinearReference<double>.S(x, exact, Scale), LinearReference<float>.S(x.To<float>(), naive, Scale));

        GuardedTensor dx = bench.OutputActivation("dx", Rows, Inputs);
        bench.Backend.LinearBackward(new LinearBackwardArgs(
            prepared, bench.InputActivation("dy", dy), xInput, weight, lora, s.View, dx.View, false, null, null, bench.Scratch));
        (RealMatrix<double> DA, RealMatrix<double> DB) expected = LinearReference<double>.FactorGradients(dy, x, exact, Scale);
        (RealMatrix<float> DA, RealMatrix<float> DB) single =
            LinearReference<float>.FactorGradients(dy.To<float>(), x.To<float>(), naive, Scale);
        bench.Check(gradA, expected.DA, single.DA);
        bench.Check(gradB, expected.DB, single.DB);
    }

    private static RealMatrix<double> Alternating(int rows, int columns) =>
        new RealMatrix<double>(rows, columns).Map(static (i, j, _) => j % 2 == 0 ? 1 + (i % 3) : -1 - (i % 3));

    private static RealMatrix<double> NearOne(OperationBench bench, int rows, int columns) =>
        bench.Numbers(rows, columns).Map(static (_, _, value) => GuardedTensor.Round(1 + (value / 64), DType.F32));
}
