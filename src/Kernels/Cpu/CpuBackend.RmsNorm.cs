using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RmsNormForward(RmsNormForwardArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var y = F32View.Of(args.Y, x.Rows, x.Columns, nameof(args.Y));
        float* w = F32View.Vector(args.W, x.Columns, nameof(args.W));
        float* rstd = F32View.Vector(args.Rstd, x.Rows, nameof(args.Rstd));
        float epsilon = args.Epsilon;
        ForRows(x.Rows, x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                rstd[t] = NormalizeRow(x[t], w, epsilon, y[t], x.Columns);
            }
        });
    }

    /// <inheritdoc/>
    public void RmsNormBackward(RmsNormBackwardArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var dy = F32View.Of(args.DY, x.Rows, x.Columns, nameof(args.DY));
        var dx = F32View.Of(args.DX, x.Rows, x.Columns, nameof(args.DX));
        F32View dResidual = args.DResidual is { } residual ? F32View.Of(residual, x.Rows, x.Columns, nameof(args.DResidual)) : default;
        float* w = F32View.Vector(args.W, x.Columns, nameof(args.W));
        float* rstd = F32View.Vector(args.Rstd, x.Rows, nameof(args.Rstd));

        // First, because DX may overwrite DY.
        if (args.DW is { } weightGradient)
        {
            float* dw = F32View.Vector(weightGradient, x.Columns, nameof(args.DW));
            ForColumns(x.Rows, x.Columns, (begin, end) =>
            {
                for (int c = begin; c < end; c += Lanes)
                {
                    Vector512<float> sum = default;
                    for (int t = 0; t < x.Rows; t++)
                    {
                        Vector512<float> normalized = Load(x[t] + c, end - c) * Vector512.Create(rstd[t]);
                        sum = Vector512.FusedMultiplyAdd(Load(dy[t] + c, end - c), normalized, sum);
                    }

                    Store(Load(dw + c, end - c) + sum, dw + c, end - c);
                }
            });
        }

        ForRows(x.Rows, x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                float* past = dResidual.Data is null ? null : dResidual[t];
                NormalizeRowBackward(dy[t], x[t], w, rstd[t], past, dx[t], x.Columns);
            }
        });
    }

    /// <summary>y = x * rstd * w; returns rstd.</summary>
    private static float NormalizeRow(float* x, float* w, float epsilon, float* y, int columns)
    {
        float rstd = 1 / MathF.Sqrt((Dot(x, x, columns) / columns) + epsilon);
        var factor = Vector512.Create(rstd);
        for (int c = 0; c < columns; c += Lanes)
        {
            int n = columns - c;
            Store(Load(x + c, n) * factor * Load(w + c, n), y + c, n);
        }

        return rstd;
    }

    /// <summary>dx = past + rstd * (w * dy - xhat * mean(w * dy * xhat)) with xhat = x * rstd.</summary>
    private static void NormalizeRowBackward(float* dy, float* x, float* w, float rstd, float* past, float* dx, int columns)
    {
        Vector512<float> sum = default;
        for (int c = 0; c < columns; c += Lanes)
        {
            int n = columns - c;
            sum = Vector512.FusedMultiplyAdd(Load(dy + c, n) * Load(w + c, n), Load(x + c, n), sum);
        }

        var factor = Vector512.Create(rstd);
        var correction = Vector512.Create(-(Sum(sum) * rstd * rstd / columns));
        for (int c = 0; c < columns; c += Lanes)
        {
            int n = columns - c;
            var inner = Vector512.FusedMultiplyAdd(Load(x + c, n), correction, Load(dy + c, n) * Load(w + c, n));
            Vector512<float> result = past is null ? inner * factor : Vector512.FusedMultiplyAdd(inner, factor, Load(past + c, n));
            Store(result, dx + c, n);
        }
    }
}
