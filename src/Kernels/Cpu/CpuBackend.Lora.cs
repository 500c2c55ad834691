using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Rows of x that dropout masks at once: bounds the temporary, and stays in L2 for the product that follows.
    internal const int DropoutRows = 128;

    // MultiplyOuter takes small left operands; more ranks than this go in several passes.
    private const int OuterRows = 512;

    /// <summary>S = Scale * dropout(x) A^T.</summary>
    private void LoraDown(LinearForwardArgs args, LoraFactors lora, F32View x, F32View s)
    {
        var a = F32View.Of(lora.A, nameof(lora.A));
        if (lora.Dropout is not { } dropout)
        {
            if (lora.UniformScale is { } uniform)
            {
                _gemm.MultiplySkinny(x.Matrix, a.Matrix, transposeA: false, s.Matrix, uniform);
                return;
            }

            foreach (LoraPart part in lora.Parts)
            {
                _gemm.MultiplySkinny(
                    x.Matrix, a.SliceRows(part.RankRow, part.Rank).Matrix, transposeA: false, s.Slice(part.RankRow, part.Rank).Matrix,
                    lora.ScaleOf(part));
            }

            return;
        }

        float* masked = _workspace.Floats((long)DropoutRows * x.Columns);
        foreach (LoraPart part in lora.Parts)
        {
            for (int row = 0; row < x.Rows; row += DropoutRows)
            {
                int count = Math.Min(DropoutRows, x.Rows - row);
                var chunk = F32View.Over(masked, count, x.Columns);
                ApplyDropout(
                    dropout, part.DropoutStream, args.Layout, args.TokenRows, row, x.SliceRows(row, count), chunk, accumulate: false);
                _gemm.MultiplySkinny(
                    chunk.Matrix, a.SliceRows(part.RankRow, part.Rank).Matrix, transposeA: false,
                    s.SliceRows(row, count).Slice(part.RankRow, part.Rank).Matrix, lora.ScaleOf(part));
            }
        }
    }

    /// <summary>The parts' B factors side by side as the right operand of the K extension: <c>[Out, R]</c>, zeros off the blocks.</summary>
    private F32View StackedB(LoraFactors lora, int outFeatures)
    {
        if (lora.Parts is [{ Column: 0 } only] && only.Columns == outFeatures)
        {
            return F32View.Of(only.B, nameof(only.B));
        }

        var stacked = F32View.Over(_workspace.Floats((long)outFeatures * lora.TotalRank), outFeatures, lora.TotalRank);
        new Span<float>(stacked.Data, checked(outFeatures * lora.TotalRank)).Clear();
        foreach (LoraPart part in lora.Parts)
        {
            var b = F32View.Of(part.B, nameof(part.B));
            for (int i = 0; i < part.Columns; i++)
            {
                new ReadOnlySpan<float>(b[i], part.Rank).CopyTo(new Span<float>(stacked[part.Column + i] + part.RankRow, part.Rank));
            }
        }

        return stacked;
    }

    /// <summary>Returns dS = Scale * dY B, in scratch; adds to GradA and GradB where they are wanted.</summary>
    private F32View LoraBackward(LinearBackwardArgs args, LoraFactors lora, F32View x, F32View dy)
    {
        CheckLora(lora, args.Weight);
        var ds = F32View.Of(args.Scratch.Allocate(DType.F32, new Shape(dy.Rows, lora.TotalRank)), "dS");
        F32View s = LoraView(args.S, dy.Rows, lora, nameof(args.S));
        foreach (LoraPart part in lora.Parts)
        {
            F32View dyPart = dy.Slice(part.Column, part.Columns);
            _gemm.MultiplySkinny(
                dyPart.Matrix, F32View.Of(part.B, nameof(part.B)).Matrix, transposeA: true, ds.Slice(part.RankRow, part.Rank).Matrix,
                lora.ScaleOf(part));
            if (part.GradB is { } gradient)
            {
                var gradB = F32View.Of(gradient, part.Columns, part.Rank, nameof(part.GradB));
                AddTransposedOuter(s.Slice(part.RankRow, part.Rank), dyPart, gradB);
            }
        }

        if (lora.GradA is { } gradA)
        {
            var sum = F32View.Of(gradA, lora.TotalRank, args.Weight.InFeatures, nameof(lora.GradA));
            if (lora.Dropout is { } dropout)
            {
                AddDroppedFactorGradient(args, lora, dropout, ds, x, sum);
            }
            else
            {
                AddOuter(ds, x, sum);
            }
        }

        return ds;
    }

    private void AddDroppedFactorGradient(
        LinearBackwardArgs args, LoraFactors lora, LoraDropout dropout, F32View ds, F32View x, F32View gradA)
    {
        float* masked = _workspace.Floats((long)DropoutRows * x.Columns);
        foreach (LoraPart part in lora.Parts)
        {
            for (int row = 0; row < x.Rows; row += DropoutRows)
            {
                int count = Math.Min(DropoutRows, x.Rows - row);
                var chunk = F32View.Over(masked, count, x.Columns);
                ApplyDropout(
                    dropout, part.DropoutStream, args.Layout, args.TokenRows, row, x.SliceRows(row, count), chunk, accumulate: false);
                AddOuter(ds.SliceRows(row, count).Slice(part.RankRow, part.Rank), chunk, gradA.SliceRows(part.RankRow, part.Rank));
            }
        }
    }

    private void AddDroppedInputGradient(LinearBackwardArgs args, LoraFactors lora, LoraDropout dropout, F32View ds, F32View dx)
    {
        var a = F32View.Of(lora.A, nameof(lora.A));
        float* product = _workspace.Floats((long)DropoutRows * dx.Columns);
        foreach (LoraPart part in lora.Parts)
        {
            for (int row = 0; row < dx.Rows; row += DropoutRows)
            {
                int count = Math.Min(DropoutRows, dx.Rows - row);
                var chunk = F32View.Over(product, count, dx.Columns);
                _gemm.Multiply(
                    ds.SliceRows(row, count).Slice(part.RankRow, part.Rank).Matrix, transposeA: false,
                    a.SliceRows(part.RankRow, part.Rank).Matrix, transposeB: false, chunk.Matrix);
                ApplyDropout(
                    dropout, part.DropoutStream, args.Layout, args.TokenRows, row, chunk, dx.SliceRows(row, count), accumulate: true);
            }
        }
    }

    /// <summary>g += p^T q.</summary>
    private void AddOuter(F32View p, F32View q, F32View g)
    {
        for (int rank = 0; rank < p.Columns; rank += OuterRows)
        {
            int count = Math.Min(OuterRows, p.Columns - rank);
            _gemm.MultiplyOuter(p.Slice(rank, count).Matrix, q.Matrix, g.SliceRows(rank, count).Matrix, accumulate: true);
        }
    }

    /// <summary>g += q^T p, through the transpose, which reads the wide q in one pass.</summary>
    private void AddTransposedOuter(F32View p, F32View q, F32View g)
    {
        float* product = _workspace.Floats((long)Math.Min(OuterRows, p.Columns) * q.Columns);
        for (int rank = 0; rank < p.Columns; rank += OuterRows)
        {
            int count = Math.Min(OuterRows, p.Columns - rank);
            var transposed = F32View.Over(product, count, q.Columns);
            _gemm.MultiplyOuter(p.Slice(rank, count).Matrix, q.Matrix, transposed.Matrix, accumulate: false);
            for (int c = 0; c < q.Columns; c++)
            {
                for (int i = 0; i < count; i++)
                {
                    g[c][rank + i] += transposed[i][c];
                }
            }
        }
    }

    /// <summary>to = (or +=) mask / (1 - p) * from, for rows of the micro-batch from <paramref name="firstRow"/> on.</summary>
    private void ApplyDropout(
        LoraDropout dropout, uint stream, PreparedLayout layout, int[]? tokenRows, int firstRow, F32View from, F32View to, bool accumulate)
    {
        uint[] tokenKeys = layout.Layout.TokenKeys;
        if (tokenRows is null ? firstRow + from.Rows > tokenKeys.Length : firstRow + from.Rows > tokenRows.Length)
        {
            throw new ArgumentException("Dropout needs the token of each row of X: all tokens, or TokenRows.", nameof(tokenRows));
        }

        CheckRows(tokenRows ?? [], tokenKeys.Length);
        uint threshold = DropoutMask.Threshold(dropout.Probability);
        float scale = (float)(1 / (1 - (double)dropout.Probability));

        // Ten rounds of Philox per four elements cost about four plain operations each.
        ForRows(from.Rows, 4L * from.Columns, (begin, end) =>
        {
            uint* words = stackalloc uint[DropoutWords.Columns];
            var smallestKept = Vector512.Create(threshold);
            var factor = Vector512.Create(scale);
            for (int i = begin; i < end; i++)
            {
                uint key = tokenKeys[tokenRows is null ? firstRow + i : tokenRows[firstRow + i]];
                for (int c = 0; c < from.Columns; c += Lanes)
                {
                    int word = c % DropoutWords.Columns;
                    if (word == 0)
                    {
                        DropoutWords.Fill(dropout.Seed, stream, key, c, words);
                    }

                    int n = from.Columns - c;
                    Vector512<float> keeps = Vector512.GreaterThanOrEqual(Vector512.Load(words + word), smallestKept).AsSingle();
                    var kept = Vector512.ConditionalSelect(keeps, Load(from[i] + c, n) * factor, Vector512<float>.Zero);
                    Store(accumulate ? Load(to[i] + c, n) + kept : kept, to[i] + c, n);
                }
            }
        });
    }

    private static void CheckLora(LoraFactors lora, LinearWeight weight)
    {
        int ranks = 0;
        bool fits = lora.A.Columns == weight.InFeatures && lora.Dropout is not { Probability: < 0 or >= 1 };
        foreach (LoraPart part in lora.Parts)
        {
            fits &= part.RankRow == ranks && part.Column >= 0 && part.Column <= weight.OutFeatures - part.Columns;
            ranks += part.Rank;
        }

        if (!fits || ranks != lora.TotalRank)
        {
            throw new ArgumentException(
                $"LoRA factors with A {lora.A.Shape} and {lora.Parts.Count} parts of total rank {ranks} do not fit a weight "
                + $"[{weight.OutFeatures}, {weight.InFeatures}].", nameof(lora));
        }
    }

    private static F32View LoraView(Tensor? s, int rows, LoraFactors lora, string name) =>
        F32View.Of(s ?? throw new ArgumentException("A layer with LoRA needs S.", name), rows, lora.TotalRank, name);
}
