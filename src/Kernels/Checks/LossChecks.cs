using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Checks.OperationChecks;

namespace Rm.Kernels.Checks;

/// <summary>Head, loss and optimizer.</summary>
internal static class LossChecks
{
    // Trained numbers of Qwen2.5-3B with r = 4 on seven modules: the flat buffer.
    private const int RealParameters = 7_483_392;

    public static IEnumerable<OperationCheck> All =>
    [
        .. Head(3, 72, isReal: false),
        .. Head(64, 2048, isReal: true),
        Loss(7, isReal: false),
        Loss(512, isReal: true),
        Ranking(5, 4, isReal: false),
        Ranking(64, 9, isReal: true),
        Norm(70_001, isReal: false),
        Norm(RealParameters, isReal: true),
        AdamW(20_011, isReal: false),
        AdamW(RealParameters, isReal: true),
    ];

    private static IEnumerable<OperationCheck> Head(int rows, int columns, bool isReal)
    {
        string shape = $"[{rows}, {columns}]";
        double bytes = Narrow * rows * columns;
        yield return new(nameof(IBackend.RewardHeadForward), shape, false, isReal, 0, bytes, side =>
        {
            Tensor x = side.Input("x", rows, columns), w = side.Float("w", 1, columns), rewards = side.FloatOutput("rewards", 1, rows);
            return () => side.Backend.RewardHeadForward(new RewardHeadForwardArgs(x, w, rewards));
        });
        yield return new(nameof(IBackend.RewardHeadBackward), shape, false, isReal, 0, 2 * bytes, side =>
        {
            Tensor x = side.Input("x", rows, columns), w = side.Float("w", 1, columns), dRewards = side.Float("d_rewards", 1, rows);
            Tensor dx = side.Output("dx", rows, columns), dw = side.FloatInOut("dw", 1, columns);
            return () => side.Backend.RewardHeadBackward(new RewardHeadBackwardArgs(dRewards, x, w, dx, dw));
        });
    }

    private static OperationCheck Loss(int pairs, bool isReal) => new(
        nameof(IBackend.PairLoss), $"{pairs} pairs", true, isReal, 0, 7 * Wide * pairs, side =>
        {
            Tensor rewards = side.Float("rewards", 1, 2 * pairs, scale: 3), margins = side.Float("margins", 1, pairs);
            Tensor losses = side.FloatOutput("losses", 1, pairs), dRewards = side.FloatOutput("d_rewards", 1, 2 * pairs);
            PairLossOptions options = new(0.5f, 0.05f, 0.01f, 0.02f);
            return () => side.Backend.PairLoss(new PairLossArgs(rewards, margins, null, options, 1f / pairs, losses, dRewards));
        });

    private static OperationCheck Ranking(int rankings, int answers, bool isReal) => new(
        nameof(IBackend.RankingLoss), $"{rankings} rankings of {answers}", true, isReal, 0, 2 * Wide * rankings * answers, side =>
        {
            Tensor rewards = side.Float("rewards", 1, rankings * answers, scale: 3), margins = side.Float("margins", 1, rankings);
            Tensor losses = side.FloatOutput("losses", 1, rankings), dRewards = side.FloatOutput("d_rewards", 1, rankings * answers);
            RankingLayout layout = Ordered(rankings, answers);
            return () => side.Backend.RankingLoss(new RankingLossArgs(
                rewards, layout, RankingLossKind.PlackettLuce, margins, null, new PairLossOptions(0.5f, 0, 0.01f, 0.02f), 1f / rankings,
                losses, dRewards));
        });

    // Every answer is better than those that follow it.
    private static RankingLayout Ordered(int rankings, int answers)
    {
        int[] starts = [.. Enumerable.Range(0, rankings + 1).Select(r => r * answers)];
        int[] pairs =
        [
            .. from first in starts[..rankings]
               from better in Enumerable.Range(0, answers)
               from worse in Enumerable.Range(better + 1, answers - better - 1)
               from row in new[] { first + better, first + worse }
               select row,
        ];
        return new RankingLayout(starts, [.. Enumerable.Range(0, rankings + 1).Select(r => r * answers * (answers - 1) / 2)], pairs);
    }

    private static OperationCheck Norm(int count, bool isReal) => new(
        nameof(IBackend.Norm), $"{count} numbers", true, isReal, 0, Wide * count, side =>
        {
            Tensor values = side.Float("values", 1, count);
            return () => side.Report("norm", side.Backend.Norm(values));
        });

    private static OperationCheck AdamW(int count, bool isReal) => new(
        nameof(IBackend.AdamW), $"{count} numbers", true, isReal, 0, 7 * Wide * count, side =>
        {
            Tensor p = side.FloatInOut("parameters", 1, count), g = side.Float("gradients", 1, count);
            Tensor m = side.FloatInOut("first moment", 1, count, scale: 0.1), v = side.FloatInOut("second moment", 1, count, scale: 0);
            AdamWGroup[] groups = [new(0, count / 2, 1e-3, 0.01), new(count / 2, count - (count / 2), 2e-2, 0)];
            return () => side.Backend.AdamW(new AdamWArgs(p, g, m, v, groups, Step: 3, GradientScale: 0.25f));
        });
}
