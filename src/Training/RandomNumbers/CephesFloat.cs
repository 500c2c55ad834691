namespace Rm.Training.RandomNumbers;

/// <summary>
/// Logarithm, sine and cosine in float32 by the polynomials of the Cephes library (Moshier 1992), with sums and products contracted as
/// PyTorch's vector code has them: these bits, and not the best ones, are what its normal numbers are made of.
/// </summary>
internal static class CephesFloat
{
    private static readonly float[] LogTerms =
    [
        7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f, -1.6668057665e-1f, 2.0000714765e-1f,
        -2.4999993993e-1f,
        3.3333331174e-1f,
    ];

    /// <summary>Natural logarithm of a normal number above 0.</summary>
    public static float Log(float x)
    {
        // x = mantissa * 2^exponent, the mantissa from sqrt(1/2) to sqrt(2).
        int bits = BitConverter.SingleToInt32Bits(x);
        float exponent = (bits >> 23) - 126;
        float mantissa = BitConverter.Int32BitsToSingle((bits & 0x007FFFFF) | 0x3F000000);
        float m = mantissa - 1;
        if (mantissa < 0.707106781186547524f)
        {
            exponent -= 1;
            m += mantissa;
        }

        float z = m * m, sum = LogTerms[0];
        foreach (float term in LogTerms.AsSpan(1))
        {
            sum = Fused(sum, m, term);
        }

        sum = Fused(sum * m, z, exponent * -2.12194440e-4f);
        sum = Fused(-z, 0.5f, sum);
        return Fused(exponent, 0.693359375f, m + sum);
    }

    /// <summary>Sine and cosine of an angle from 0 to 2 pi.</summary>
    public static (float Sin, float Cos) SinCos(float angle)
    {
        // The nearest even octant; pi / 4 is taken away in three parts.
        int octant = ((int)(angle * 1.27323954473516f) + 1) & ~1;
        float x = Fused(octant, -0.78515625f, angle);
        x = Fused(octant, -2.4187564849853515625e-4f, x);
        x = Fused(octant, -3.77489497744594108e-8f, x);
        float z = x * x;
        float cos = Fused(Fused(2.443315711809948e-5f, z, -1.388731625493765e-3f), z, 4.166664568298827e-2f) * z;
        cos = Fused(cos, z, -(z * 0.5f)) + 1;
        float sin = Fused(Fused(-1.9515295891e-4f, z, 8.3321608736e-3f), z, -1.6666654611e-1f) * z;
        sin = Fused(sin, x, x);
        return ((octant >> 1) & 3) switch
        {
            0 => (sin, cos),
            1 => (cos, -sin),
            2 => (-sin, -cos),
            _ => (-cos, sin),
        };
    }

    private static float Fused(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);
}
