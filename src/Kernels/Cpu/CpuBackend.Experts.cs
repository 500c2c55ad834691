using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RouteForward(RouteForwardArgs args)
    {
        var logits = F32View.Of(args.Logits, nameof(args.Logits));
        (int chosen, int experts) = (args.Experts.Columns, logits.Columns);
        int* indices = Chosen(args.Experts, logits.Rows, experts);
        float* weights = F32View.Vector(args.Weights, (long)logits.Rows * chosen, nameof(args.Weights));
        ForRows(logits.Rows, (long)experts * (chosen + SwiGluCost), (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                int* index = indices + ((long)t * chosen);
                float* weight = weights + ((long)t * chosen);
                Choose(logits[t], experts, index, chosen);
                float largest = logits[t][index[0]], sum = 0;
                for (int j = 0; j < chosen; j++)
                {
                    weight[j] = Exp(Vector512.Create(logits[t][index[j]] - largest)).ToScalar();
                    sum += weight[j];
                }

                float total = args.Normalizes ? sum : SumOfExp(logits[t], experts, largest);
                for (int j = 0; j < chosen; j++)
                {
                    weight[j] /= total;
                }
            }
        });
    }

    /// <inheritdoc/>
    public void RouteBackward(RouteBackwardArgs args)
    {
        var dLogits = F32View.Of(args.DLogits, nameof(args.DLogits));
        (int chosen, int experts) = (args.Experts.Columns, dLogits.Columns);
        var logits = F32View.Of(args.Logits, dLogits.Rows, experts, nameof(args.Logits));
        int* indices = Chosen(args.Experts, dLogits.Rows, experts);
        float* weights = F32View.Vector(args.Weights, (long)dLogits.Rows * chosen, nameof(args.Weights));
        float* gradients = F32View.Vector(args.G, (long)dLogits.Rows * chosen, nameof(args.G));
        ForRows(dLogits.Rows, (long)SwiGluCost * experts, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                int* index = indices + ((long)t * chosen);
                float* weight = weights + ((long)t * chosen);
                float* g = gradients + ((long)t * chosen);
                float sum = 0;
                for (int j = 0; j < chosen; j++)
                {
                    sum += g[j];
                }

                if (args.Normalizes)
                {
                    new Span<float>(dLogits[t], experts).Clear();
                }
                else
                {
                    float largest = logits[t][index[0]];
                    var factor = Vector512.Create(-sum / SumOfExp(logits[t], experts, largest));
                    for (int e = 0; e < experts; e += Lanes)
                    {
                        Store(factor * Exp(Load(logits[t] + e, experts - e) - Vector512.Create(largest)), dLogits[t] + e, experts - e);
                    }
                }

                for (int j = 0; j < chosen; j++)
                {
                    dLogits[t][index[j]] = g[j] - (weight[j] * sum);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void ExpertSumForward(ExpertSumForwardArgs args)
    {
        var y = F32View.Of(args.Y, nameof(args.Y));
        int chosen = RowsOfToken(args.Slots, y.Rows);
        var x = F32View.Of(args.X, args.Slots.Length, y.Columns, nameof(args.X));
        float* weights = args.Weights is { } w ? F32View.Vector(w, args.Slots.Length, nameof(args.Weights)) : null;
        F32View residual = args.Residual is { } r ? F32View.Of(r, y.Rows, y.Columns, nameof(args.Residual)) : default;
        bool adds = args.Residual is not null;
        int[] slots = args.Slots;
        ForRows(y.Rows, (long)y.Columns * chosen, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                for (int c = 0; c < y.Columns; c += Lanes)
                {
                    int n = y.Columns - c;
                    Vector512<float> sum = default;
                    for (int j = t * chosen; j < (t + 1) * chosen; j++)
                    {
                        var weight = Vector512.Create(weights == null ? 1 : weights[j]);
                        sum = Vector512.FusedMultiplyAdd(weight, Load(x[slots[j]] + c, n), sum);
                    }

                    Store(adds ? sum + Load(residual[t] + c, n) : sum, y[t] + c, n);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void ExpertSumBackward(ExpertSumBackwardArgs args)
    {
        var dy = F32View.Of(args.DY, nameof(args.DY));
        int chosen = RowsOfToken(args.Slots, dy.Rows);
        var dx = F32View.Of(args.DX, args.Slots.Length, dy.Columns, nameof(args.DX));
        float* weights = F32View.Vector(args.Weights, args.Slots.Length, nameof(args.Weights));
        int[] slots = args.Slots;
        ForRows(dy.Rows, (long)dy.Columns * chosen, (begin, end) =>
        {
            for (int j = begin * chosen; j < end * chosen; j++)
            {
                var weight = Vector512.Create(weights[j]);
                for (int c = 0; c < dy.Columns; c += Lanes)
                {
                    int n = dy.Columns - c;
                    Store(weight * Load(dy[j / chosen] + c, n), dx[slots[j]] + c, n);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void ExpertDot(ExpertDotArgs args)
    {
        var a = F32View.Of(args.A, args.Slots.Length, args.A.Columns, nameof(args.A));
        var b = F32View.Of(args.B, args.Slots.Length, a.Columns, nameof(args.B));
        RowsOfToken(args.Slots, args.Dots.Rows);
        float* dots = F32View.Vector(args.Dots, args.Slots.Length, nameof(args.Dots));
        int[] slots = args.Slots;
        ForRows(slots.Length, a.Columns, (begin, end) =>
        {
            for (int j = begin; j < end; j++)
            {
                dots[j] = Dot(a[slots[j]], b[slots[j]], a.Columns);
            }
        });
    }

    // The first behind the last one chosen, k times, in a total order: the choice is of different experts whatever the logits are.
    private static void Choose(float* logits, int experts, int* index, int chosen)
    {
        ulong previous = ulong.MaxValue;
        for (int j = 0; j < chosen; j++)
        {
            ulong best = 0;
            for (int e = 0; e < experts; e++)
            {
                ulong place = PlaceOf(logits[e], e);
                best = place < previous && place > best ? place : best;
            }

            index[j] = (int)(uint.MaxValue - (uint)best);
            previous = best;
        }
    }

    // Larger for larger values, both zeros alike and a NaN above all; of equal values for the smaller number.
    private static ulong PlaceOf(float value, int number)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value + 0f);
        uint order = float.IsNaN(value) ? uint.MaxValue - 1 : (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
        return ((ulong)order << 32) | (uint.MaxValue - (uint)number);
    }

    private static float SumOfExp(float* logits, int experts, float largest)
    {
        Vector512<float> sum = default;
        for (int e = 0; e < experts; e += Lanes)
        {
            Vector512<float> terms = Exp(Load(logits + e, experts - e) - Vector512.Create(largest));
            Vector512<float> inside = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(experts - e)).AsSingle();
            sum += Vector512.ConditionalSelect(inside, terms, Vector512<float>.Zero);
        }

        return Sum(sum);
    }

    private static int* Chosen(Tensor tensor, int rows, int experts)
    {
        if (tensor.DType != DType.I32 || !tensor.IsContiguous || tensor.Rows != rows || tensor.Columns < 1 || tensor.Columns > experts)
        {
            throw new ArgumentException(
                $"Experts must be int32, contiguous, {rows} rows of 1 to {experts}, not {tensor.DType} {tensor.Shape}.", nameof(tensor));
        }

        return (int*)tensor.Address;
    }

    // k, once every slot is known to be a row.
    private static int RowsOfToken(int[] slots, int tokens)
    {
        CheckRows(slots, slots.Length);
        return tokens > 0 && slots.Length % tokens == 0 && slots.Length > 0
            ? slots.Length / tokens
            : throw new ArgumentException($"{slots.Length} slots are not those of {tokens} tokens.", nameof(slots));
    }
}
