namespace Rm.Training.Model;

/// <summary>How rotary frequencies are changed for longer contexts.</summary>
public enum RopeScalingKind
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Every frequency divided by the factor.</summary>
    Linear,

    /// <summary>Llama 3.1: low frequencies divided by the factor, high ones kept, a smooth change between.</summary>
    Llama3,
}

/// <summary>Rotary scaling of a configuration. All but <paramref name="Kind"/> and <paramref name="Factor"/> belong to Llama3.</summary>
/// <param name="Kind">The rule.</param>
/// <param name="Factor">Divisor of the frequencies, at least 1.</param>
/// <param name="LowFreqFactor">Wavelengths above OriginalMaxPositionEmbeddings / LowFreqFactor are scaled fully.</param>
/// <param name="HighFreqFactor">Wavelengths below OriginalMaxPositionEmbeddings / HighFreqFactor are kept.</param>
/// <param name="OriginalMaxPositionEmbeddings">Context length of the pretraining, in tokens.</param>
public sealed record RopeScaling(
    RopeScalingKind Kind, double Factor = 1, double LowFreqFactor = 1, double HighFreqFactor = 1, int OriginalMaxPositionEmbeddings = 0)
{
    /// <summary>No scaling.</summary>
    public static RopeScaling None { get; } = new(RopeScalingKind.None);
}
