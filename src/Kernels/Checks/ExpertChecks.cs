using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Checks.OperationChecks;

namespace Rm.Kernels.Checks;

/// <summary>Mixtures of experts: the choice of experts, and the ways between tokens and rows by expert.</summary>
internal static class ExpertChecks
{
    private const double IndexBytes = 4;
    private const int Hidden = 2048;

    public static IEnumerable<OperationCheck> All =>
    [
        .. new[] { (13, 5, 2, false), (33, 37, 3, true), (40, 128, 8, false), (RealTokens, 128, 8, true) }.SelectMany(static s =>
            Route(s.Item1, s.Item2, s.Item3, s.Item4)),
        .. new[] { (3, 2, 13), (9, 8, 72), (33, 3, 576), (RealTokens, 4, Hidden) }.SelectMany(static s =>
            Rows(s.Item1, s.Item2, s.Item3)),
    ];

    private static IEnumerable<OperationCheck> Route(int tokens, int experts, int chosen, bool normalizes)
    {
        string shape = $"T={tokens} E={experts} k={chosen}{(normalizes ? " normalised" : "")}";
        double bytes = tokens * ((Narrow * experts) + ((IndexBytes + Wide) * chosen));
        bool isReal = tokens == RealTokens;
        yield return new(nameof(IExpertOperations.RouteForward), shape, false, isReal, 0, bytes, side =>
        {
            Tensor logits = side.Input("logits", tokens, experts, gap: 8), indices = side.IndexOutput("experts", tokens, chosen);
            Tensor weights = side.FloatOutput("weights", tokens, chosen);
            return () => Of(side).RouteForward(new RouteForwardArgs(logits, normalizes, indices, weights));
        });
        yield return new(nameof(IExpertOperations.RouteBackward), shape, false, isReal, 0, bytes + (Narrow * tokens * experts), side =>
        {
            // Each token's experts are different ones.
            int[] numbers = [.. Enumerable.Range(0, tokens * chosen).Select(i => ((i / chosen * 3) + (i % chosen)) % experts)];
            Tensor g = side.Float("g", tokens, chosen), logits = side.Input("logits", tokens, experts, gap: 8);
            Tensor indices = side.Indices(numbers, tokens), weights = side.Float("weights", tokens, chosen, scale: 0.1);
            Tensor dLogits = side.Output("d_logits", tokens, experts);
            return () => Of(side).RouteBackward(new RouteBackwardArgs(g, logits, normalizes, indices, weights, dLogits));
        });
    }

    private static IEnumerable<OperationCheck> Rows(int tokens, int chosen, int columns)
    {
        string shape = $"T={tokens} k={chosen} [{columns}]";
        bool isReal = tokens == RealTokens;
        int rows = tokens * chosen;

        // Every row once, neighbours apart.
        int[] slots = [.. Enumerable.Range(0, rows).OrderBy(static i => (uint)i * 2654435761u)];
        double bytes = (Narrow * (rows + tokens) * columns) + ((IndexBytes + Wide) * rows);
        yield return new(nameof(IExpertOperations.ExpertSumForward), shape, false, isReal, 0, bytes + (Narrow * tokens * columns), side =>
        {
            Tensor x = side.Input("x", rows, columns, gap: 8), weights = side.Float("weights", tokens, chosen);
            Tensor residual = side.Input("residual", tokens, columns), y = side.Output("y", tokens, columns, gap: 8);
            return () => Of(side).ExpertSumForward(new ExpertSumForwardArgs(x, slots, weights, residual, y));
        });
        yield return new(nameof(IExpertOperations.ExpertSumBackward), shape, false, isReal, 0, bytes, side =>
        {
            Tensor dy = side.Input("dy", tokens, columns, gap: 8), weights = side.Float("weights", tokens, chosen);
            Tensor dx = side.Output("dx", rows, columns);
            return () => Of(side).ExpertSumBackward(new ExpertSumBackwardArgs(dy, slots, weights, dx));
        });
        yield return new(
            nameof(IExpertOperations.ExpertDot), shape, false, isReal, 0, (2 * Narrow * rows * columns) + ((IndexBytes + Wide) * rows),
            side =>
            {
                Tensor a = side.Input("a", rows, columns, gap: 8), b = side.Input("b", rows, columns);
                Tensor dots = side.FloatOutput("dots", tokens, chosen);
                return () => Of(side).ExpertDot(new ExpertDotArgs(a, b, slots, dots));
            });
    }

    private static IExpertOperations Of(CheckSide side) =>
        side.Backend.Experts ?? throw new InvalidOperationException("The backend has no operations of mixtures of experts.");
}
