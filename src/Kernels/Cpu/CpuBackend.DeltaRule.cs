using Rm.Kernels.Cpu.DeltaRule;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void DeltaRuleForward(DeltaRuleForwardArgs args)
    {
        var problem = new DeltaRuleProblem(Own(args.Layout), args.Shape, args.Qkv, args.A, args.B, args.ALog, args.DtBias);
        var o = F32View.Of(args.O, problem.Qkv.Rows, args.Shape.ValueColumns, nameof(args.O));
        float* states = args.States is { } kept
            ? F32View.Vector(kept, (long)problem.ChunkCount * args.Shape.StateColumns, nameof(args.States))
            : null;
        int heads = args.Shape.ValueHeads;
        _threads.For(problem.Keys.Families.Length * heads, item => DeltaRule.DeltaRuleForward.Run(
            problem, problem.Keys.Families[item / heads], item % heads, o, states));
    }

    /// <inheritdoc/>
    public void DeltaRuleBackward(DeltaRuleBackwardArgs args)
    {
        DeltaRuleShape shape = args.Shape;
        var problem = new DeltaRuleProblem(Own(args.Layout), shape, args.Qkv, args.A, args.B, args.ALog, args.DtBias);
        int tokens = problem.Qkv.Rows, families = problem.Keys.Families.Length;
        var gradients = new DeltaRuleGradients
        {
            DO = F32View.Of(args.DO, tokens, shape.ValueColumns, nameof(args.DO)),
            DQkv = F32View.Of(args.DQkv, tokens, shape.QkvColumns, nameof(args.DQkv)),
            DA = F32View.Of(args.DA, tokens, shape.ValueHeads, nameof(args.DA)),
            DB = F32View.Of(args.DB, tokens, shape.ValueHeads, nameof(args.DB)),
            States = F32View.Vector(args.States, (long)problem.ChunkCount * shape.StateColumns, nameof(args.States)),
            Sums = _workspace.Floats(2L * families * shape.ValueHeads),
        };
        _threads.For(families * shape.KeyHeads, item => DeltaRule.DeltaRuleBackward.Run(
            problem, gradients, item / shape.KeyHeads, item % shape.KeyHeads));
        AddSums(gradients.Sums, args.DALog is { } dALog ? F32View.Vector(dALog, shape.ValueHeads, nameof(args.DALog)) : null, families,
            shape.ValueHeads);
        AddSums(
            gradients.Sums + 1, args.DDtBias is { } dDtBias
                ? F32View.Vector(dDtBias, shape.ValueHeads, nameof(args.DDtBias))
                : null, families,
            shape.ValueHeads);
    }

    // Every second of [families, heads, 2], summed over families.
    private static void AddSums(float* sums, float* target, int families, int heads)
    {
        for (int h = 0; target is not null && h < heads; h++)
        {
            float sum = 0;
            for (int f = 0; f < families; f++)
            {
                sum += sums[2 * ((f * heads) + h)];
            }

            target[h] += sum;
        }
    }
}
