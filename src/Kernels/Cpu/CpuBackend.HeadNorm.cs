using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void HeadNormForward(HeadNormForwardArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var y = F32View.Of(args.Y, x.Rows, x.Columns, nameof(args.Y));
        int headDim = args.W.Columns;
        int heads = HeadCount(x.Columns, headDim, nameof(args.X));
        float* w = F32View.Vector(args.W, headDim, nameof(args.W));
        var rstd = F32View.Of(args.Rstd, x.Rows, heads, nameof(args.Rstd));
        float epsilon = args.Epsilon;
        ForRows(x.Rows, x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                for (int h = 0; h < heads; h++)
                {
                    rstd[t][h] = NormalizeRow(x[t] + (h * headDim), w, epsilon, y[t] + (h * headDim), headDim);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void HeadNormBackward(HeadNormBackwardArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var dy = F32View.Of(args.DY, x.Rows, x.Columns, nameof(args.DY));
        var dx = F32View.Of(args.DX, x.Rows, x.Columns, nameof(args.DX));
        int headDim = args.W.Columns;
        int heads = HeadCount(x.Columns, headDim, nameof(args.X));
        float* w = F32View.Vector(args.W, headDim, nameof(args.W));
        var rstd = F32View.Of(args.Rstd, x.Rows, heads, nameof(args.Rstd));

        // First, because DX may overwrite DY. One weight serves all heads, so its sum runs over rows, then heads.
        if (args.DW is { } weightGradient)
        {
            float* dw = F32View.Vector(weightGradient, headDim, nameof(args.DW));
            int vectors = (headDim + Lanes - 1) / Lanes;
            _threads.For(vectors, vector =>
            {
                int c = vector * Lanes;
                Vector512<float> sum = default;
                for (int t = 0; t < x.Rows; t++)
                {
                    for (int h = 0; h < heads; h++)
                    {
                        long offset = (h * headDim) + c;
                        Vector512<float> normalized = Load(x[t] + offset, headDim - c) * Vector512.Create(rstd[t][h]);
                        sum = Vector512.FusedMultiplyAdd(Load(dy[t] + offset, headDim - c), normalized, sum);
                    }
                }

                Store(Load(dw + c, headDim - c) + sum, dw + c, headDim - c);
            });
        }

        ForRows(x.Rows, x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                for (int h = 0; h < heads; h++)
                {
                    long offset = h * headDim;
                    NormalizeRowBackward(dy[t] + offset, x[t] + offset, w, rstd[t][h], null, dx[t] + offset, headDim);
                }
            }
        });
    }

    private static int HeadCount(int columns, int headDim, string name)
    {
        if (headDim <= 0 || columns % headDim != 0)
        {
            throw new ArgumentException($"{name} has {columns} columns, which is not a whole number of heads of {headDim}.", name);
        }

        return columns / headDim;
    }
}
