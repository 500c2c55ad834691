namespace Rm.Training.Statistics;

/// <summary>
/// The regularised incomplete beta function, from which the tails of Student's t and of the binomial distribution follow.
/// </summary>
internal static class IncompleteBeta
{
    // Terms grow with the square root of the larger parameter: enough for more pairs than anyone evaluates.
    private const int MostTerms = 100_000;
    private const double Tiny = 1e-300;
    private const double Stirling = 15;

    /// <summary>I_x(a, b) for 0 &lt;= x &lt;= 1 and positive a, b (DLMF 8.17).</summary>
    /// <param name="x">Where.</param>
    /// <param name="y">1 - x, which the caller may know to more digits than subtracting gives.</param>
    /// <param name="a">First parameter.</param>
    /// <param name="b">Second parameter.</param>
    public static double Regularized(double x, double y, double a, double b)
    {
        if (x <= 0 || y <= 0)
        {
            return x <= 0 ? 0 : 1;
        }

        double front =
            Math.Exp((a * (x > 0.5 ? LogOnePlus(-y) : Math.Log(x))) + (b * (y > 0.5 ? LogOnePlus(-x) : Math.Log(y))) - LogBeta(a, b));

        // The fraction converges fast on this side of the distribution's mode; the other side is its mirror image.
        return x < (a + 1) / (a + b + 2) ? front * Fraction(x, a, b) / a : 1 - (front * Fraction(y, b, a) / b);
    }

    /// <summary>Logarithm of the beta function for positive a, b.</summary>
    public static double LogBeta(double a, double b)
    {
        if (a < b)
        {
            (a, b) = (b, a);
        }

        if (a < Stirling)
        {
            return LogGamma(a) + LogGamma(b) - LogGamma(a + b);
        }

        // log gamma(a) - log gamma(a + b) with its large terms cancelled by hand: a may be millions.
        return LogGamma(b) + b - (b * Math.Log(a + b)) - ((a - 0.5) * LogOnePlus(b / a)) + Correction(a) - Correction(a + b);
    }

    // log(1 + x) without losing small x, which Math.Log(1 + x) rounds away.
    private static double LogOnePlus(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }

    // For positive x.
    private static double LogGamma(double x)
    {
        double below = 0;
        for (; x < Stirling; x++)
        {
            below += Math.Log(x);
        }

        return ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2 * Math.PI)) + Correction(x) - below;
    }

    // What Stirling's formula for log gamma(x) lacks (DLMF 5.11.1), from 15 on good to the last digits.
    private static double Correction(double x)
    {
        double s = 1 / (x * x);
        double series = ((((((((-691.0 / 360360 * s) + (1.0 / 1188)) * s) - (1.0 / 1680)) * s) + (1.0 / 1260)) * s) - (1.0 / 360)) * s;
        return (series + (1.0 / 12)) / x;
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
