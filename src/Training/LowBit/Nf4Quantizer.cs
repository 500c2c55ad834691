namespace Rm.Training.LowBit;

/// <summary>Quantises to NF4 as bitsandbytes does on a CPU (Dettmers et al. 2023).</summary>
internal static class Nf4Quantizer
{
    /// <summary>Values with one scale.</summary>
    public const int BlockSize = 64;

    /// <summary>Scales with one nested scale.</summary>
    public const int NestedBlocks = 256;

    private static readonly float[] Table =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
        -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f,
        0.7229568362236023f, 1.0f,
    ];

    private static readonly float[] Map = [.. DynamicMap().Order()];
    private static readonly float[] Midpoints = MidpointsOf(Table);
    private static readonly float[] MapMidpoints = MidpointsOf(Map);

    /// <summary>Quantiles of the normal distribution, scaled to -1 to 1, zero among them (QLoRA, appendix E).</summary>
    public static float[] Codes => Table;

    /// <summary>
    /// 256 values for scales, ascending ("dynamic map", Dettmers 2015): for each power of ten from 1e-6 to 1, the middles of as many equal
    /// parts of 0.1 to 1 as the remaining bits tell apart, with both signs; zero and one.
    /// </summary>
    public static float[] ScaleMap => Map;

    /// <summary>Codes and scale of one block. A block of zeros has the scale 0.</summary>
    public static float Quantize(ReadOnlySpan<float> values, Span<byte> codes) =>
        Quantize(values, values.Length == BlockSize, Midpoints, codes);

    /// <summary>Doubly quantises the scales of a matrix.</summary>
    public static NestedScales QuantizeScales(float[] scales)
    {
        float offset = (float)(scales.Sum(scale => (double)scale) / scales.Length);
        byte[] codes = new byte[scales.Length];
        float[] nested = new float[(scales.Length + NestedBlocks - 1) / NestedBlocks];
        float[] centred = [.. scales.Select(scale => scale - offset)];
        for (int group = 0; group < nested.Length; group++)
        {
            int start = group * NestedBlocks, count = Math.Min(NestedBlocks, scales.Length - start);
            nested[group] = Quantize(centred.AsSpan(start, count), count == NestedBlocks, MapMidpoints, codes.AsSpan(start, count));
        }

        return new NestedScales(codes, ScaleMap, nested, NestedBlocks, offset);
    }

    private static float Quantize(ReadOnlySpan<float> values, bool isWhole, float[] midpoints, Span<byte> codes)
    {
        float largest = 0;
        foreach (float value in values)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }

        // A whole block is multiplied with the reciprocal, a last one divided; zeros stay zeros.
        float reciprocal = largest == 0 ? 0 : 1 / largest;
        for (int i = 0; i < values.Length; i++)
        {
            float scaled = isWhole || largest == 0 ? values[i] * reciprocal : values[i] / largest;
            codes[i] = (byte)Below(midpoints, Math.Clamp(scaled, -1, 1));
        }

        return largest;
    }

    // How many midpoints are below the value.
    private static int Below(float[] midpoints, float value)
    {
        int low = 0;
        for (int step = (midpoints.Length + 1) / 2; step > 0; step /= 2)
        {
            low += midpoints[low + step - 1] < value ? step : 0;
        }

        return low;
    }

    private static float[] MidpointsOf(float[] values) => [.. values.Zip(values.Skip(1), (low, high) => (low + high) / 2)];

    private static IEnumerable<float> DynamicMap()
    {
        const int Powers = 7;
        for (int power = 0; power < Powers; power++)
        {
            // Every operation in float32, bounds by one rounding from the nearer end: the bits that the library's table has.
            int parts = 1 << power;
            float scale = (float)Math.Pow(10, power - Powers + 1), step = (1 - 0.1f) / parts;
            float Bound(int i) => i < (parts + 1) / 2 ? MathF.FusedMultiplyAdd(step, i, 0.1f) : MathF.FusedMultiplyAdd(-step, parts - i, 1);
            for (int part = 0; part < parts; part++)
            {
                float value = (Bound(part) + Bound(part + 1)) / 2 * scale;
                yield return value;
                yield return -value;
            }
        }

        yield return 0;
        yield return 1;
    }
}
