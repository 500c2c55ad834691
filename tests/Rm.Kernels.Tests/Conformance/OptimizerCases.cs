using System.Numerics;
using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>Norm and AdamW.</summary>
internal static class OptimizerCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. new[] { 1, 17, 70_001, 200_000 }.Select(n => new OperationCase($"norm P={n}", bench => Norm(bench, n))),
        .. from step in new[] { 1, 2, 1000 }
           from beta1 in new[] { 0.9, 0.3 }
           select new OperationCase($"adamw step={step} beta1={beta1}", bench => AdamW(bench, step, beta1)),
    ];

    private static void Norm(OperationBench bench, int count)
    {
        RealMatrix<double> values = bench.Numbers(1, count);
        double sum = 0;
        foreach (double value in values.Values)
        {
            sum += value * value;
        }

        double norm = bench.Backend.Norm(bench.Input("values", values));
        Assert.InRange(norm, Math.Sqrt(sum) * (1 - 1e-6), Math.Sqrt(sum) * (1 + 1e-6));
    }

    private static void AdamW(OperationBench bench, int step, double beta1)
    {
        // Two groups that do not touch, the first longer than a thread's share; elements outside must stay.
        const int Count = 20_011;
        AdamWGroup[] groups = [new(3, 17_000, 1e-3, 0.01), new(17_500, 2_400, 2e-2, 0)];
        const float GradientScale = 0.25f;
        RealMatrix<double> p = bench.Numbers(1, Count);
        RealMatrix<double> g = bench.Numbers(1, Count);
        bool first = step == 1;
        RealMatrix<double> m = bench.Numbers(1, Count, scale: first ? 0 : 0.1);
        RealMatrix<double> v = bench.Numbers(1, Count, scale: first ? 0 : 0.1).Map((_, _, x) => Math.Abs(x));
        GuardedTensor pTensor = bench.InOut("parameters", p);
        GuardedTensor mTensor = bench.InOut("first moment", m);
        GuardedTensor vTensor = bench.InOut("second moment", v);
        bench.Backend.AdamW(new AdamWArgs(
            pTensor.View, bench.Input("gradients", g), mTensor.View, vTensor.View, groups, step, GradientScale, beta1));
        (RealMatrix<double> P, RealMatrix<double> M, RealMatrix<double> V) expected = Steps(p, g, m, v);
        (RealMatrix<float> P, RealMatrix<float> M, RealMatrix<float> V) naive =
            Steps(p.To<float>(), g.To<float>(), m.To<float>(), v.To<float>());
        bench.Check(pTensor, expected.P, naive.P);
        bench.Check(mTensor, expected.M, naive.M);
        bench.Check(vTensor, expected.V, naive.V);

        (RealMatrix<T> P, RealMatrix<T> M, RealMatrix<T> V) Steps<T>(RealMatrix<T> p, RealMatrix<T> g, RealMatrix<T> m, RealMatrix<T> v)
            where T : IBinaryFloatingPointIeee754<T>
        {
            (RealMatrix<T> newP, RealMatrix<T> newM, RealMatrix<T> newV) = (p.Copy(), m.Copy(), v.Copy());
            foreach (AdamWGroup group in groups)
            {
                for (int i = (int)group.Start; i < group.Start + group.Length; i++)
                {
                    (newP[0, i], newM[0, i], newV[0, i]) = AdamWReference<T>.Step(
                        p[0, i], T.CreateChecked(GradientScale) * g[0, i], m[0, i], v[0, i], step, group.LearningRate, group.WeightDecay,
                        beta1, 0.999, 1e-8);
                }
            }

            return (newP, newM, newV);
        }
    }
}
