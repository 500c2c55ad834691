namespace Rm.Host.Analysis;

/// <summary>The regularised incomplete beta function, from which the tails of Student's t and of the binomial distribution follow.</summary>
internal static class IncompleteBeta
{
    // Terms grow with the square root of the larger parameter: enough for more pairs than anyone evaluates.
    private const int MostTerms = 100_000;
    private const double Tiny = 1e-300;

    /// <summary>I_x(a, b) for 0 &lt;= x &lt;= 1 and positive a, b (DLMF 8.17).</summary>
    public static double Regularized(double x, double a, double b)
    {
        if (x <= 0 || x >= 1)
        {
            return x <= 0 ? 0 : 1;
        }

        double front = Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + (a * Math.Log(x)) + (b * Math.Log(1 - x)));

        // The fraction converges fast on this side of the distribution's mode; the other side is its mirror image.
        return x < (a + 1) / (a + b + 2) ? front * Fraction(x, a, b) / a : 1 - (front * Fraction(1 - x, b, a) / b);
    }

    /// <summary>Logarithm of the gamma function for positive x: Stirling's series (DLMF 5.11.1), above 15 good to the last digits.</summary>
    public static double LogGamma(double x)
    {
        double below = 0;
        for (; x < 15; x++)
        {
            below += Math.Log(x);
        }

        double s = 1 / (x * x);
        double series = ((((((((-691.0 / 360360 * s) + (1.0 / 1188)) * s) - (1.0 / 1680)) * s) + (1.0 / 1260)) * s) - (1.0 / 360)) * s;
        return ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2 * Math.PI)) + ((series + (1.0 / 12)) / x) - below;
    }

    // The continued fraction of DLMF 8.17.22, evaluated by Lentz's method.
    private static double Fraction(double x, double a, double b)
    {
        double c = 1, d = 1 / Away(1 - ((a + b) * x / (a + 1))), value = d;
        for (int m = 1; m < MostTerms; m++)
        {
            double even = m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)));
            d = 1 / Away(1 + (even * d));
            c = Away(1 + (even / c));
            value *= d * c;
            double odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 / Away(1 + (odd * d));
            c = Away(1 + (odd / c));
            value *= d * c;
            if (Math.Abs((d * c) - 1) < 1e-15)
            {
                break;
            }
        }

        return value;
    }

    private static double Away(double denominator) => Math.Abs(denominator) < Tiny ? Tiny : denominator;
}
