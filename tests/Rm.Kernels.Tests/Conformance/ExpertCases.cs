using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>The operations of mixtures of experts.</summary>
internal static class ExpertCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from shape in new[] { (1, 3, 1), (7, 5, 2), (4, 16, 16), (33, 37, 3), (40, 128, 8) }
           from normalizes in new[] { false, true }
           select new OperationCase(
               $"route T={shape.Item1} E={shape.Item2} k={shape.Item3}{(normalizes ? " normalised" : "")}",
               bench => Route(bench, shape.Item1, shape.Item2, shape.Item3, normalizes)),
        new OperationCase("route of equal and of missing logits", RouteWithoutOrder),
        .. from shape in new[] { (1, 1, 8), (3, 2, 13), (9, 8, 72), (33, 3, 576) }
           select new OperationCase(
               $"experts T={shape.Item1} k={shape.Item2} C={shape.Item3}",
               bench => Rows(bench, shape.Item1, shape.Item2, shape.Item3)),
    ];

    private static void Route(OperationBench bench, int tokens, int experts, int chosen, bool normalizes)
    {
        RealMatrix<double> logits = bench.Activations(tokens, experts, 2), dWeights = bench.Numbers(tokens, chosen);
        Tensor indices = bench.Backend.AllocatePersistent(DType.I32, new Shape(tokens, chosen));
        GuardedTensor weights = bench.Output("weights", tokens, chosen),
            dLogits = bench.OutputActivation("d_logits", tokens, experts, gap: 8);
        Tensor input = bench.InputActivation("logits", logits, gap: 8);
        bench.Backend.Experts!.RouteForward(new RouteForwardArgs(input, normalizes, indices, weights.View));
        (int[] chosenTrue, RealMatrix<double> weightsTrue) = RouteReference<double>.Forward(logits, chosen, normalizes);
        Assert.Equal(chosenTrue, Indices(bench, indices));
        bench.Check(weights, weightsTrue, RouteReference<float>.Forward(logits.To<float>(), chosen, normalizes).Weights);

        // What the operation takes is the product of a weight and its gradient, as its caller makes it.
        Tensor g = bench.Input("g", dWeights.Map((t, j, d) => (float)(d * weightsTrue[t, j])));
        Tensor w = bench.Input("w", weightsTrue.To<float>().To<double>());
        bench.Backend.Experts!.RouteBackward(new RouteBackwardArgs(g, input, normalizes, indices, w, dLogits.View));
        RealMatrix<double> expected = RouteReference<double>.Backward(dWeights, logits, normalizes);
        RealMatrix<float> naive = RouteReference<float>.Backward(dWeights.To<float>(), logits.To<float>(), normalizes);
        bench.Check(dLogits, expected, naive);

        GuardedTensor over = bench.InOut("d_logits over logits", logits, bench.Activation, gap: 8);
        bench.Backend.Experts!.RouteBackward(new RouteBackwardArgs(g, over.View, normalizes, indices, w, over.View));
        bench.Check(over, expected, naive);
    }

    private static void RouteWithoutOrder(OperationBench bench)
    {
        double[][] rows =
        [
            [1, 3, 3, 3, 0], [0, 0, 0, 0, 0], [double.NaN, 1, 2, 3, 4], [1, double.NaN, 5, double.NaN, 2],
            [double.NaN, double.NaN, double.NaN, double.NaN, double.NaN],
            [double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity, 0],
        ];
        RealMatrix<double> logits = new RealMatrix<double>(rows.Length, 5).Map((t, e, _) => rows[t][e]);
        Tensor indices = bench.Backend.AllocatePersistent(DType.I32, new Shape(rows.Length, 3));
        GuardedTensor weights = bench.Output("weights", rows.Length, 3), input = bench.InOut("logits", logits, bench.Activation);
        bench.Backend.Experts!.RouteForward(new RouteForwardArgs(input.View, Normalizes: true, indices, weights.View));
        int[] experts = Indices(bench, indices);
        Assert.Equal([1, 2, 3, 0, 1, 2], experts[..6]);
        Assert.Equal([0, 4, 3, 1, 3, 2, 0, 1, 2, 4, 0, 1], experts[6..]);
        RealMatrix<double> read = weights.Read();
        Assert.Equal([1 / 3f, 1 / 3f, 1 / 3f], Enumerable.Range(0, 3).Select(j => (float)read[0, j]));
        Assert.Equal([1, 0, 0], Enumerable.Range(0, 3).Select(j => read[5, j]));
    }

    private static void Rows(OperationBench bench, int tokens, int chosen, int columns)
    {
        int[] slots = [.. Enumerable.Range(0, tokens * chosen)];
        for (int i = slots.Length - 1; i > 0; i--)
        {
            int other = bench.Integer(i + 1);
            (slots[i], slots[other]) = (slots[other], slots[i]);
        }

        RealMatrix<double> x = bench.Activations(slots.Length, columns), residual = bench.Activations(tokens, columns),
            weights = bench.Numbers(tokens, chosen), b = bench.Activations(slots.Length, columns);
        Tensor input = bench.InputActivation("x", x, gap: 8), w = bench.Input("weights", weights);
        RealMatrix<float> xF32 = x.To<float>(), weightsF32 = weights.To<float>(), residualF32 = residual.To<float>();

        GuardedTensor y = bench.OutputActivation("y", tokens, columns, gap: 8);
        bench.Backend.Experts!.ExpertSumForward(new ExpertSumForwardArgs(input, slots, w, Residual: null, y.View));
        bench.Check(y, ExpertReference<double>.Sum(x, slots, weights, null, tokens),
            ExpertReference<float>.Sum(xF32, slots, weightsF32, null, tokens));
        GuardedTensor added = bench.InOut("y over residual", residual, bench.Activation, gap: 8);
        bench.Backend.Experts!.ExpertSumForward(new ExpertSumForwardArgs(input, slots, w, added.View, added.View));
        bench.Check(added, ExpertReference<double>.Sum(x, slots, weights, residual, tokens),
            ExpertReference<float>.Sum(xF32, slots, weightsF32, residualF32, tokens));
        GuardedTensor plain = bench.InOut("plain sum over residual", residual, bench.Activation);
        bench.Backend.Experts!.ExpertSumForward(new ExpertSumForwardArgs(input, slots, Weights: null, plain.View, plain.View));
        bench.Check(plain, ExpertReference<double>.Sum(x, slots, null, residual, tokens),
            ExpertReference<float>.Sum(xF32, slots, null, residualF32, tokens));

        GuardedTensor dx = bench.OutputActivation("dx", slots.Length, columns, gap: 8);
        bench.Backend.Experts!.ExpertSumBackward(
            new ExpertSumBackwardArgs(bench.InputActivation("dy", residual, gap: 8), slots, w, dx.View));
        bench.Check(dx, ExpertReference<double>.SumGradient(residual, slots, weights),
            ExpertReference<float>.SumGradient(residualF32, slots, weightsF32));

        GuardedTensor dots = bench.Output("dots", tokens, chosen);
        bench.Backend.Experts!.ExpertDot(new ExpertDotArgs(input, bench.InputActivation("b", b, gap: 16), slots, dots.View));
        bench.Check(dots, ExpertReference<double>.Dot(x, b, slots, tokens),
            ExpertReference<float>.Dot(xF32, b.To<float>(), slots, tokens));
    }

    private static int[] Indices(OperationBench bench, Tensor indices)
    {
        int[] values = new int[indices.Shape.Count];
        bench.Backend.Download<int>(indices, values);
        return values;
    }
}
