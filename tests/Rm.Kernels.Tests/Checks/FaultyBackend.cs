using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Checks;

/// <summary>A sound backend but for one operation, the last element of whose last row comes out wrong by a tenth.</summary>
internal sealed class FaultyBackend(IBackend inner, string operation) : ObservedBackend(inner, null), IExpertOperations
{
    private readonly IBackend _inner = inner;

    public override IExpertOperations Experts => this;

    public override void Fill(Tensor destination, float value)
    {
        base.Fill(destination, value);
        Spoil(nameof(Fill), destination);
    }

    public override void Copy(Tensor source, Tensor destination)
    {
        base.Copy(source, destination);
        Spoil(nameof(Copy), destination);
    }

    public override double Norm(Tensor values) => base.Norm(values) * (operation == nameof(Norm) ? 1.1 : 1);

    public override void EmbeddingForward(EmbeddingForwardArgs args) => Run(nameof(EmbeddingForward), base.EmbeddingForward, args, args.X);

    public override void EmbeddingBackward(EmbeddingBackwardArgs args) =>
        Run(nameof(EmbeddingBackward), base.EmbeddingBackward, args, args.DTable);

    public override void RmsNormForward(RmsNormForwardArgs args) => Run(nameof(RmsNormForward), base.RmsNormForward, args, args.Y);

    public override void RmsNormBackward(RmsNormBackwardArgs args) => Run(nameof(RmsNormBackward), base.RmsNormBackward, args, args.DX);

    public override void LinearForward(LinearForwardArgs args) => Run(nameof(LinearForward), base.LinearForward, args, args.Y);

    public override void LinearBackward(LinearBackwardArgs args) =>
        Run(nameof(LinearBackward), base.LinearBackward, args, args.Lora?.Parts[^1].GradB ?? args.DX!.Value);

    public override void HeadNormForward(HeadNormForwardArgs args) => Run(nameof(HeadNormForward), base.HeadNormForward, args, args.Y);

    public override void HeadNormBackward(HeadNormBackwardArgs args) =>
        Run(nameof(HeadNormBackward), base.HeadNormBackward, args, args.DW!.Value);

    public override void RopeTable(RopeTableArgs args) => Run(nameof(RopeTable), base.RopeTable, args, args.CosSin);

    public override void RopeApply(RopeApplyArgs args) => Run(nameof(RopeApply), base.RopeApply, args, args.X);

    public override void AttentionForward(AttentionForwardArgs args) =>
        Run(nameof(AttentionForward), base.AttentionForward, args, args.Lse);

    public override void AttentionBackward(AttentionBackwardArgs args) =>
        Run(nameof(AttentionBackward), base.AttentionBackward, args, args.DV);

    public override void SwiGluForward(SwiGluForwardArgs args) => Run(nameof(SwiGluForward), base.SwiGluForward, args, args.Y);

    public override void SwiGluBackward(SwiGluBackwardArgs args) => Run(nameof(SwiGluBackward), base.SwiGluBackward, args, args.DGateUp);

    public override void ScaleAdd(ScaleAddArgs args) => Run(nameof(ScaleAdd), base.ScaleAdd, args, args.Y);

    public override void ColumnDot(ColumnDotArgs args) =>
        Run(nameof(ColumnDot), base.ColumnDot, args, args.Sums.Reshape(new Shape(1, (int)args.Sums.Shape.Count)));

    public override void GatherRows(GatherRowsArgs args) => Run(nameof(GatherRows), base.GatherRows, args, args.Y);

    public override void ScatterAddRows(ScatterAddRowsArgs args) => Run(nameof(ScatterAddRows), base.ScatterAddRows, args, args.Y);

    public override void RewardHeadForward(RewardHeadForwardArgs args) =>
        Run(nameof(RewardHeadForward), base.RewardHeadForward, args, args.Rewards);

    public override void RewardHeadBackward(RewardHeadBackwardArgs args) =>
        Run(nameof(RewardHeadBackward), base.RewardHeadBackward, args, args.DX);

    public override void PairLoss(PairLossArgs args) => Run(nameof(PairLoss), base.PairLoss, args, args.DRewards!.Value);

    public override void RankingLoss(RankingLossArgs args) => Run(nameof(RankingLoss), base.RankingLoss, args, args.DRewards!.Value);

    public override void AdamW(AdamWArgs args) => Run(nameof(AdamW), base.AdamW, args, args.Parameters);

    public void RouteForward(RouteForwardArgs args) => Run(nameof(RouteForward), _inner.Experts!.RouteForward, args, args.Weights);

    public void RouteBackward(RouteBackwardArgs args) => Run(nameof(RouteBackward), _inner.Experts!.RouteBackward, args, args.DLogits);

    public void ExpertSumForward(ExpertSumForwardArgs args) =>
        Run(nameof(ExpertSumForward), _inner.Experts!.ExpertSumForward, args, args.Y);

    public void ExpertSumBackward(ExpertSumBackwardArgs args) =>
        Run(nameof(ExpertSumBackward), _inner.Experts!.ExpertSumBackward, args, args.DX);

    public void ExpertDot(ExpertDotArgs args) => Run(nameof(ExpertDot), _inner.Experts!.ExpertDot, args, args.Dots);

    private void Run<T>(string name, Action<T> run, T args, Tensor output)
    {
        run(args);
        Spoil(name, output);
    }

    private void Spoil(string name, Tensor output)
    {
        if (name == operation)
        {
            Tensor last = output.SliceRows(output.Rows - 1, 1).SliceColumns(output.Columns - 1, 1);
            float[] value = new float[1];
            _inner.Download<float>(last, value);
            _inner.Fill(last, value[0] + 0.1f);
        }
    }
}
