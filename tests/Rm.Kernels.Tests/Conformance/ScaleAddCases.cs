using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class ScaleAddCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from columns in new[] { 1, 13, 72, 576 }
           from parts in new[] { "", "z", "scale", "scale bias z" }
           select new OperationCase($"scale_add C={columns} {parts}", bench => Run(bench, columns, parts)),
        .. new[] { 1, 13, 576 }.Select(c => new OperationCase($"column_dot C={c}", bench => Dot(bench, c))),
    ];

    private static void Run(OperationBench bench, int columns, string parts)
    {
        const int Rows = 7;
        const float Scale = 0.375f;
        RealMatrix<double> x = bench.Activations(Rows, columns), z = bench.Activations(Rows, columns);
        RealMatrix<double> factors = bench.Numbers(1, columns), bias = bench.Numbers(1, columns);
        bool scaled = parts.Contains("scale"), biased = parts.Contains("bias"), added = parts.Contains('z');
        GuardedTensor y = bench.OutputActivation("y", Rows, columns, gap: 8);
        bench.Backend.ScaleAdd(new ScaleAddArgs(
            bench.InputActivation("x", x, gap: 16), Scale, added ? bench.InputActivation("z", z, gap: 24) : null, y.View)
        {
            ColumnScale = scaled ? bench.Input("column_scale", factors) : null,
            Bias = biased ? bench.Input("bias", bias) : null,
        });
        RealMatrix<double> expected = x.Map((t, c, value) =>
            (value * Scale * (scaled ? factors[0, c] : 1)) + (biased ? bias[0, c] : 0) + (added ? z[t, c] : 0));
        RealMatrix<float> naive = x.To<float>().Map((t, c, value) =>
            (value * Scale * (scaled ? (float)factors[0, c] : 1)) + (biased ? (float)bias[0, c] : 0) + (added ? (float)z[t, c] : 0));
        bench.Check(y, expected, naive);
    }

    private static void Dot(OperationBench bench, int columns)
    {
        const int Rows = 33;
        RealMatrix<double> a = bench.Activations(Rows, columns), b = bench.Activations(Rows, columns), before = bench.Numbers(1, columns);
        GuardedTensor sums = bench.InOut("sums", before);
        bench.Backend.ColumnDot(new ColumnDotArgs(
            bench.InputActivation("a", a, gap: 8), bench.InputActivation("b", b, gap: 16), sums.View));
        RealMatrix<double> expected = before.Map((_, c, value) => value + Enumerable.Range(0, Rows).Sum(t => a[t, c] * b[t, c]));
        RealMatrix<float> naive = before.To<float>();
        for (int t = 0; t < Rows; t++)
        {
            for (int c = 0; c < columns; c++)
            {
                naive[0, c] += (float)a[t, c] * (float)b[t, c];
            }
        }

        bench.Check(sums, expected, naive);
    }
}
