namespace Rm.Kernels.Ops;

/// <summary>
/// fp8 e4m3 (Micikevicius et al. 2022): one sign, four bits of exponent with bias 7, three of mantissa; no infinity, all ones is not a
/// number.
/// </summary>
public static class Fp8Code
{
    /// <summary>Largest value.</summary>
    public const float Largest = 448;

    private const int MantissaBits = 3;
    private const int Bias = 7;
    private const int Sign = 128;
    private const int LargestCode = 126;

    /// <summary>Value of each code.</summary>
    public static IReadOnlyList<float> Values { get; } = [.. Enumerable.Range(0, 256).Select(Decode)];

    /// <summary>The code nearest to a finite value, ties to even; what is beyond the largest becomes that.</summary>
    public static byte Nearest(float value)
    {
        double magnitude = Math.Abs((double)value);
        int exponent = magnitude == 0 ? 1 - Bias : Math.Max(1 - Bias, Math.ILogB(magnitude));

        // In units of the last place there; eight of them more are the next exponent, as in the code itself.
        double units = Math.Round(Math.ScaleB(magnitude, MantissaBits - exponent), MidpointRounding.ToEven);
        int code = (int)Math.Min(units + ((exponent + Bias - 1) << MantissaBits), LargestCode);
        return (byte)(float.IsNegative(value) ? code | Sign : code);
    }

    private static float Decode(int code)
    {
        int exponent = (code >> MantissaBits) & 15, mantissa = code & 7;
        double value = exponent == 15 && mantissa == 7 ? double.NaN
            : exponent == 0 ? Math.ScaleB(mantissa, 1 - Bias - MantissaBits)
            : Math.ScaleB(8 + mantissa, exponent - Bias - MantissaBits);
        return (float)((code & Sign) != 0 ? -value : value);
    }
}
