namespace Rm.Training.Model;

/// <summary>Inverse frequencies of rotary position embedding as transformers computes them, in float32.</summary>
internal static class RopeFrequencies
{
    /// <summary>R/2 values theta^(-2i/R) for the R rotated features of a head, scaled as the settings say.</summary>
    /// <param name="rope">The rotation.</param>
    /// <param name="headDim">Features of a head.</param>
    /// <param name="maxPositions">The configuration's max_position_embeddings.</param>
    /// <param name="length">Tokens of the sequence; of effect where <see cref="RopeScaling.DependsOnLength"/>.</param>
    public static float[] Compute(RopeSettings rope, int headDim, int maxPositions, int length)
    {
        RopeScaling s = rope.Scaling;
        int dim = s.RotaryDim(headDim);
        double theta = rope.Theta;
        if (s.Kind == RopeScalingKind.Dynamic)
        {
            double stretch = (s.Factor * Math.Max(length, maxPositions) / maxPositions) - (s.Factor - 1);
            theta *= Math.Pow(stretch, dim / (dim - 2.0));
        }

        IReadOnlyList<double> divisors = length > s.OriginalMaxPositionEmbeddings ? s.LongFactors : s.ShortFactors;
        (double low, double high) = s.Kind == RopeScalingKind.Yarn ? YarnRange(s, dim, theta) : default;
        float[] frequencies = new float[dim / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            float power = (float)Math.Pow(theta, 2f * i / dim);
            float frequency = 1f / power;
            frequencies[i] = s.Kind switch
            {
                RopeScalingKind.Llama3 => Llama3(frequency, s),
                RopeScalingKind.Linear => frequency / (float)s.Factor,
                RopeScalingKind.Yarn => Yarn(power, i, low, high, s.Factor),
                RopeScalingKind.LongRope => 1f / ((float)divisors[i] * power),
                RopeScalingKind.Proportional => i < (int)(s.PartialFactor * dim / 2) ? frequency / (float)s.Factor : 0,
                _ => frequency,
            };
        }

        return frequencies;
    }

    // Llama 3.1: long wavelengths are stretched by the factor, short ones kept, those between blended.
    private static float Llama3(float frequency, RopeScaling s)
    {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength < s.OriginalMaxPositionEmbeddings / s.HighFreqFactor)
        {
            return frequency;
        }

        if (wavelength > s.OriginalMaxPositionEmbeddings / s.LowFreqFactor)
        {
            return (float)(frequency / s.Factor);
        }

        double smooth = ((s.OriginalMaxPositionEmbeddings / wavelength) - s.LowFreqFactor) / (s.HighFreqFactor - s.LowFreqFactor);
        return (float)(((1 - smooth) * frequency / s.Factor) + (smooth * frequency));
    }

    // The dimensions between which frequencies go over from kept to divided: those that turn BetaFast and BetaSlow times in the original
    // context.
    private static (double Low, double High) YarnRange(RopeScaling s, int dim, double theta)
    {
        double Dimension(double rotations) =>
            dim * Math.Log(s.OriginalMaxPositionEmbeddings / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
        double low = Dimension(s.BetaFast), high = Dimension(s.BetaSlow);
        (low, high) = s.Truncate ? (Math.Floor(low), Math.Ceiling(high)) : (low, high);
        (low, high) = (Math.Max(low, 0), Math.Min(high, dim - 1));
        return (low, low == high ? high + 0.001 : high);
    }

    private static float Yarn(float power, int i, double low, double high, double factor)
    {
        float kept = 1 - Math.Clamp((float)(i - low) / (float)(high - low), 0, 1);
        return (1f / ((float)factor * power) * (1 - kept)) + (1f / power * kept);
    }
}
