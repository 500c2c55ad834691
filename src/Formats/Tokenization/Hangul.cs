namespace Rm.Formats.Tokenization;

/// <summary>Hangul syllables and their jamo: arithmetic instead of tables (UAX #15 section 16).</summary>
internal static class Hangul
{
    /// <summary>First syllable, and first of the vowels and trailing consonants that join one.</summary>
    public const int SyllableBase = 0xAC00, VowelBase = 0x1161, TrailBase = 0x11A7;

    /// <summary>How many there are; the first of the <see cref="TrailCount"/> means no trailing consonant.</summary>
    public const int VowelCount = 21, TrailCount = 28, SyllableCount = LeadCount * VowelCount * TrailCount;

    private const int LeadBase = 0x1100, LeadCount = 19;

    /// <summary>True for a precomposed syllable.</summary>
    public static bool IsSyllable(int scalar) => (uint)(scalar - SyllableBase) < SyllableCount;

    /// <summary>Writes the two or three jamo of a syllable and returns their number.</summary>
    public static int Decompose(int scalar, Span<int> jamo)
    {
        int syllable = scalar - SyllableBase;
        jamo[0] = LeadBase + (syllable / (VowelCount * TrailCount));
        jamo[1] = VowelBase + (syllable / TrailCount % VowelCount);
        if (syllable % TrailCount == 0)
        {
            return 2;
        }

        jamo[2] = TrailBase + (syllable % TrailCount);
        return 3;
    }

    /// <summary>Joins a leading consonant with a vowel, or a syllable with a trailing consonant.</summary>
    public static bool TryCompose(int first, int second, out int composite)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
        {
            composite = SyllableBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TrailCount);
            return true;
        }

        composite = first + (second - TrailBase);
        return IsSyllable(first) && (first - SyllableBase) % TrailCount == 0 && (uint)(second - TrailBase - 1) < TrailCount - 1;
    }
}
