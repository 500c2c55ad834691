using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>One LoRA part: its columns of y, its factors, and the factor per element of x that its dropout gives (null: none).</summary>
internal sealed record LoraPartReference<T>(int Column, RealMatrix<T> A, RealMatrix<T> B, RealMatrix<T>? DropoutFactor)
    where T : IBinaryFloatingPointIeee754<T>
{
    /// <summary>Factor of this part beside the layer's.</summary>
    public double Scale { get; init; } = 1;

    public RealMatrix<T> Dropped(RealMatrix<T> x) => DropoutFactor is null ? x : x.Map((i, j, value) => value * DropoutFactor[i, j]);
}

/// <summary>The linear layer with bias, residual and LoRA by the formula.</summary>
internal static class LinearReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    /// <summary>C = op(A) op(B).</summary>
    public static RealMatrix<T> Product(RealMatrix<T> a, bool transposeA, RealMatrix<T> b, bool transposeB)
    {
        int depth = transposeA ? a.Rows : a.Columns;
        var c = new RealMatrix<T>(transposeA ? a.Columns : a.Rows, transposeB ? b.Rows : b.Columns);
        for (int i = 0; i < c.Rows; i++)
        {
            for (int j = 0; j < c.Columns; j++)
            {
                T sum = T.Zero;
                for (int k = 0; k < depth; k++)
                {
                    sum += (transposeA ? a[k, i] : a[i, k]) * (transposeB ? b[j, k] : b[k, j]);
                }

                c[i, j] = sum;
            }
        }

        return c;
    }

    public static RealMatrix<T> Forward(
        RealMatrix<T> x, RealMatrix<T> w, RealMatrix<T>? bias, RealMatrix<T>? residual, IReadOnlyList<LoraPartReference<T>> lora, T scale)
    {
        RealMatrix<T> y = Product(x, false, w, true);
        foreach (LoraPartReference<T> part in lora)
        {
            RealMatrix<T> update = Product(S(x, part, scale), false, part.B, true);
            y = y.Map((i, j, value) => j >= part.Column && j < part.Column + part.B.Rows ? value + update[i, j - part.Column] : value);
        }

        return y.Map((i, j, value) => value + (bias is null ? T.Zero : bias[0, j]) + (residual is null ? T.Zero : residual[i, j]));
    }

    /// <summary>Scale * dropout(x) A^T of one part.</summary>
    public static RealMatrix<T> S(RealMatrix<T> x, LoraPartReference<T> part, T scale) =>
        Product(part.Dropped(x), false, part.A, true).Map((_, _, value) => value * scale * T.CreateChecked(part.Scale));

    public static RealMatrix<T> InputGradient(RealMatrix<T> dy, RealMatrix<T> w, IReadOnlyList<LoraPartReference<T>> lora, T scale)
    {
        RealMatrix<T> dx = Product(dy, false, w, false);
        foreach (LoraPartReference<T> part in lora)
        {
            dx = dx.Plus(part.Dropped(Product(DS(dy, part, scale), false, part.A, false)));
        }

        return dx;
    }

    public static (RealMatrix<T> DA, RealMatrix<T> DB) FactorGradients(
        RealMatrix<T> dy, RealMatrix<T> x, LoraPartReference<T> part, T scale) => (
        Product(DS(dy, part, scale), true, part.Dropped(x), false),
        Product(dy.TakeColumns(part.Column, part.B.Rows), true, S(x, part, scale), false));

    public static RealMatrix<T> WeightGradient(RealMatrix<T> dy, RealMatrix<T> x) => Product(dy, true, x, false);

    public static RealMatrix<T> BiasGradient(RealMatrix<T> dy) =>
        Product(new RealMatrix<T>(1, dy.Rows).Map((_, _, _) => T.One), false, dy, false);

    private static RealMatrix<T> DS(RealMatrix<T> dy, LoraPartReference<T> part, T scale) =>
        Product(dy.TakeColumns(part.Column, part.B.Rows), false, part.B, false)
            .Map((_, _, value) => value * scale * T.CreateChecked(part.Scale));
}
