using System.Numerics;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>Attention by the formula: a whole row of scores, its softmax, its weighted sum.</summary>
internal static class AttentionReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static (RealMatrix<T> O, RealMatrix<T> Lse) Forward(
        SequenceLayout layout, int[] queryRows, RealMatrix<T> q, RealMatrix<T> k, RealMatrix<T> v, int headDim, T scale,
        int window = 0, double softcap = 0)
    {
        int heads = q.Columns / headDim;
        var o = new RealMatrix<T>(q.Rows, q.Columns);
        var lse = new RealMatrix<T>(q.Rows, heads);
        int[][] visible = [.. queryRows.Select(row => VisibleKeys(layout, row, window))];
        Parallel.For(0, heads, h =>
        {
            int keyHead = h * k.Columns / q.Columns;
            for (int row = 0; row < q.Rows; row++)
            {
                int[] keys = visible[row];
                T[] p = Probabilities(q, k, row, h, keyHead, keys, headDim, scale, T.CreateChecked(softcap), out lse[row, h]);
                for (int i = 0; i < keys.Length; i++)
                {
                    for (int d = 0; d < headDim; d++)
                    {
                        o[row, (h * headDim) + d] += p[i] * v[keys[i], (keyHead * headDim) + d];
                    }
                }
            }
        });
        return (o, lse);
    }

    /// <summary>The gradient from what forward keeps, O and the log-sum-exp: P = exp(S - lse), delta = dO O.</summary>
    public static (RealMatrix<T> DQ, RealMatrix<T> DK, RealMatrix<T> DV) Backward(
        SequenceLayout layout, int[] queryRows, RealMatrix<T> dO, RealMatrix<T> q, RealMatrix<T> k, RealMatrix<T> v, int headDim, T scale,
        int window = 0, double softcap = 0)
    {
        int heads = q.Columns / headDim;
        T cap = T.CreateChecked(softcap);
        (RealMatrix<T> o, RealMatrix<T> lse) = Forward(layout, queryRows, q, k, v, headDim, scale, window, softcap);
        var dq = new RealMatrix<T>(q.Rows, q.Columns);
        var dk = new RealMatrix<T>(k.Rows, k.Columns);
        var dv = new RealMatrix<T>(v.Rows, v.Columns);
        int[][] visible = [.. queryRows.Select(row => VisibleKeys(layout, row, window))];

        var deltas = new RealMatrix<T>(q.Rows, heads);
        Parallel.For(0, heads, h =>
        {
            for (int row = 0; row < q.Rows; row++)
            {
                for (int d = h * headDim; d < (h + 1) * headDim; d++)
                {
                    deltas[row, h] += dO[row, d] * o[row, d];
                }
            }
        });

        // Heads that share a key head add to the same gradients, row by row.
        Parallel.For(0, k.Columns / headDim, keyHead =>
        {
            int[] queryHeads = [.. Enumerable.Range(0, heads).Where(h => h * k.Columns / q.Columns == keyHead)];
            int keyColumn = keyHead * headDim;
            for (int row = 0; row < q.Rows; row++)
            {
                foreach (int key in visible[row])
                {
                    foreach (int h in queryHeads)
                    {
                        int query = h * headDim;
                        T score = T.Zero, dp = T.Zero;
                        for (int d = 0; d < headDim; d++)
                        {
                            score += q[row, query + d] * k[key, keyColumn + d];
                            dp += dO[row, query + d] * v[key, keyColumn + d];
                        }

                        T slope = T.One;
                        score *= scale;
                        if (cap != T.Zero)
                        {
                            T bent = T.Tanh(score / cap);
                            slope = T.One - (bent * bent);
                            score = cap * bent;
                        }

                        T p = T.Exp(score - lse[row, h]);
                        T ds = p * (dp - deltas[row, h]) * slope * scale;
                        for (int d = 0; d < headDim; d++)
                        {
                            dq[row, query + d] += ds * k[key, keyColumn + d];
                            dk[key, keyColumn + d] += ds * q[row, query + d];
                            dv[key, keyColumn + d] += p * dO[row, query + d];
                        }
                    }
                }
            }
        });

        return (dq, dk, dv);
    }

    private static T[] Probabilities(
        RealMatrix<T> q, RealMatrix<T> k, int row, int head, int keyHead, int[] keys, int headDim, T scale, T cap,
        out T lse)
    {
        var p = new T[keys.Length];
        T max = T.NegativeInfinity;
        for (int i = 0; i < keys.Length; i++)
        {
            for (int d = 0; d < headDim; d++)
            {
                p[i] += q[row, (head * headDim) + d] * k[keys[i], (keyHead * headDim) + d];
            }

            p[i] *= scale;
            p[i] = cap == T.Zero ? p[i] : cap * T.Tanh(p[i] / cap);
            max = T.Max(max, p[i]);
        }

        T sum = T.Zero;
        for (int i = 0; i < keys.Length; i++)
        {
            p[i] = T.Exp(p[i] - max);
            sum += p[i];
        }

        for (int i = 0; i < keys.Length; i++)
        {
            p[i] /= sum;
        }

        lse = max + T.Log(sum);
        return p;
    }

    private static int[] VisibleKeys(SequenceLayout layout, int token, int window)
    {
        Segment segment = layout.Segments.Single(s => token >= s.Start && token < s.Start + s.Length);
        int[] keys =
            [.. Enumerable.Range(segment.PrefixStart, segment.PrefixLength), .. Enumerable.Range(segment.Start, token - segment.Start + 1)];
        return window == 0 ? keys : keys[^Math.Min(window, keys.Length)..];
    }
}
