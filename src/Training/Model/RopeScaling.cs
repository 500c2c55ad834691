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

    /// <summary>The base grows with the length of a sequence beyond the longest of pretraining.</summary>
    Dynamic,

    /// <summary>YaRN (Peng et al. 2023): a ramp over dimensions between divided and kept frequencies.</summary>
    Yarn,

    /// <summary>
    /// LongRoPE (Ding et al. 2024): a divisor for each frequency, other ones for sequences longer than those of pretraining.
    /// </summary>
    LongRope,

    /// <summary>Only the first frequencies, over the whole width of a head; the others are zero (Gemma 4).</summary>
    Proportional,
}

/// <summary>Rotary scaling of a configuration.</summary>
/// <param name="Kind">The rule.</param>
/// <param name="Factor">Divisor of the frequencies, at least 1.</param>
/// <param name="LowFreqFactor">Llama 3: wavelengths above OriginalMaxPositionEmbeddings / LowFreqFactor are scaled fully.</param>
/// <param name="HighFreqFactor">Llama 3: wavelengths below OriginalMaxPositionEmbeddings / HighFreqFactor are kept.</param>
/// <param name="OriginalMaxPositionEmbeddings">Context length of the pretraining, in tokens.</param>
public sealed record RopeScaling(
    RopeScalingKind Kind, double Factor = 1, double LowFreqFactor = 1, double HighFreqFactor = 1, int OriginalMaxPositionEmbeddings = 0)
{
    /// <summary>No scaling.</summary>
    public static RopeScaling None { get; } = new(RopeScalingKind.None);

    /// <summary>Factor on cosines and sines (YaRN, LongRoPE).</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>YaRN: rotations over the original context above which a frequency is kept.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: rotations below which it is divided fully.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: whether the ramp begins and ends at whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>LongRoPE: divisors up to the original context.</summary>
    public IReadOnlyList<double> ShortFactors { get; init; } = [];

    /// <summary>LongRoPE: divisors beyond it.</summary>
    public IReadOnlyList<double> LongFactors { get; init; } = [];

    /// <summary>Share of a head's features that are rotated.</summary>
    public double PartialFactor { get; init; } = 1;

    /// <summary>b of Ministral 3's factor 1 + b ln(1 + floor(position / original context)) on queries.</summary>
    public double QueryGrowth { get; init; }

    /// <summary>
    /// Whether frequencies depend on the length of the sequence, so that sequences of two lengths cannot share a prefix's keys.
    /// </summary>
    public bool DependsOnLength => Kind is RopeScalingKind.Dynamic or RopeScalingKind.LongRope;

    /// <summary>Features of a head of <paramref name="headDim"/> that are rotated.</summary>
    public int RotaryDim(int headDim) => Kind == RopeScalingKind.Proportional ? headDim : (int)(headDim * PartialFactor);

    /// <summary>Whether two settings are the same, lists by their values.</summary>
    public bool SameAs(RopeScaling other) => ShortFactors.SequenceEqual(other.ShortFactors) && LongFactors.SequenceEqual(other.LongFactors)
        && this == other with { ShortFactors = ShortFactors, LongFactors = LongFactors };
}

/// <summary>A rotation: its base and its scaling.</summary>
/// <param name="Theta">Base of the frequencies.</param>
/// <param name="Scaling">Scaling.</param>
public sealed record RopeSettings(double Theta, RopeScaling Scaling);
