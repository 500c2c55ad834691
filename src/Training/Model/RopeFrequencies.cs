namespace Rm.Training.Model;

/// <summary>Inverse frequencies of rotary position embedding as transformers computes them, in float32.</summary>
internal static class RopeFrequencies
{
    /// <summary>D/2 values theta^(-2i/D), scaled as <see cref="ModelConfig.RopeScaling"/> says.</summary>
    public static float[] Compute(ModelConfig config)
    {
        float[] frequencies = new float[config.HeadDim / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            float exponent = 2f * i / config.HeadDim;
            float frequency = 1f / (float)Math.Pow(config.RopeTheta, exponent);
            frequencies[i] = config.RopeScaling.Kind switch
            {
                RopeScalingKind.Llama3 => Llama3(frequency, config.RopeScaling),
                RopeScalingKind.Linear => frequency / (float)config.RopeScaling.Factor,
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
}
