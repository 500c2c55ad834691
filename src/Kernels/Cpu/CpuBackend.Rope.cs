using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RopeTable(RopeTableArgs args)
    {
        int[] positions = args.Layout.Layout.Positions;
        float[] inverseFrequencies = args.InverseFrequencies;
        int half = inverseFrequencies.Length, first = args.FirstToken;
        var cosSin = F32View.Of(args.CosSin, args.CosSin.Rows, 2 * half, nameof(args.CosSin));
        if (first < 0 || first > positions.Length - cosSin.Rows)
        {
            throw new ArgumentException(
                $"Tokens {first} to {first + cosSin.Rows} are not all of the {positions.Length} of the layout.", nameof(args));
        }

        // Sine and cosine cost about 20 multiplications' time each.
        ForRows(cosSin.Rows, 40L * half, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                float* row = cosSin[t];
                int position = positions[first + t];
                float scale = args.Growth == 0
                    ? args.Scale
                    : args.Scale * (1 + (args.Growth * MathF.Log(1 + (position / args.GrowthLength))));
                for (int i = 0; i < half; i++)
                {
                    // The angle is a float32 product, as in the models' training code; only then is more precision of use.
                    float angle = position * inverseFrequencies[i];
                    (double sin, double cos) = Math.SinCos(angle);
                    row[i] = (float)cos * scale;
                    row[half + i] = (float)sin * scale;
                }
            }
        });
    }

    /// <inheritdoc/>
    public void RopeApply(RopeApplyArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        int rotated = args.CosSin.Columns;
        int headDim = args.HeadDim == 0 ? rotated : args.HeadDim;
        var cosSin = F32View.Of(args.CosSin, x.Rows, rotated, nameof(args.CosSin));
        int heads = HeadCount(x.Columns, headDim, nameof(args.X));
        if (rotated > headDim || rotated % 2 != 0)
        {
            throw new ArgumentException($"{rotated} of {headDim} features of a head cannot be rotated.", nameof(args));
        }

        int half = rotated / 2;
        var sign = Vector512.Create(args.Inverse ? -1f : 1f);
        ForRows(x.Rows, x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                float* angles = cosSin[t];
                for (int h = 0; h < heads; h++)
                {
                    float* first = x[t] + (h * headDim);
                    float* second = first + half;
                    for (int c = 0; c < half; c += Lanes)
                    {
                        int n = half - c;
                        Vector512<float> cos = Load(angles + c, n);
                        Vector512<float> sin = Load(angles + half + c, n) * sign;
                        Vector512<float> x1 = Load(first + c, n);
                        Vector512<float> x2 = Load(second + c, n);
                        Store((x1 * cos) - (x2 * sin), first + c, n);
                        Store((x2 * cos) + (x1 * sin), second + c, n);
                    }
                }
            }
        });
    }
}
