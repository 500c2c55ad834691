namespace Rm.Formats.Tokenization;

/// <summary>
/// The tables behind <see cref="UnicodeForm"/>, unpacked once from <see cref="NfcData"/> and <see cref="CompatibilityData"/>.
/// </summary>
internal static class NormalizationTables
{
    private static readonly Dictionary<int, int[]> canonical = [];
    private static readonly Dictionary<int, int[]> compatibility = [];
    private static readonly Dictionary<long, int> composites = [];
    private static readonly byte[] classesBelow = new byte[0x20000];
    private static readonly byte[] formsBelow = new byte[0x30000]; // bits of the forms that may change the character

    static NormalizationTables()
    {
        const byte composed = UnicodeForm.NfcBit | UnicodeForm.NfkcBit, decomposed = UnicodeForm.NfdBit | UnicodeForm.NfkdBit;
        var pairs = new Dictionary<int, int[]>();
        foreach (string item in ScalarRanges.Items(NfcData.Decompositions))
        {
            int sign = item.AsSpan().IndexOfAny('=', '!');
            int composite = ScalarRanges.Hex(item.AsSpan(0, sign));
            int[] parts = ScalarRanges.Sum(item.AsSpan(sign + 1));
            pairs[composite] = parts;
            formsBelow[composite] |= decomposed;
            if (item[sign] == '=')
            {
                composites[PairKey(parts[0], parts[1])] = composite;
                formsBelow[parts[1]] |= composed; // may join what stands before it
            }
            else
            {
                formsBelow[composite] |= composed;
            }
        }

        foreach (int composite in pairs.Keys)
        {
            canonical[composite] = [.. Expand(composite, pairs)];
        }

        foreach (string item in ScalarRanges.Items(NfcData.CombiningClasses))
        {
            int colon = item.IndexOf(':', StringComparison.Ordinal);
            byte ccc = byte.Parse(item.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture);
            (int first, int last) = ScalarRanges.Range(item.AsSpan(0, colon));
            for (int scalar = first; scalar <= last; scalar++)
            {
                classesBelow[scalar] = ccc;
                formsBelow[scalar] |= composed | decomposed;
            }
        }

        foreach (string item in ScalarRanges.Items(CompatibilityData.Decompositions))
        {
            int sign = item.IndexOf('=', StringComparison.Ordinal);
            int composite = ScalarRanges.Hex(item.AsSpan(0, sign));
            compatibility[composite] = ScalarRanges.Sum(item.AsSpan(sign + 1));
            formsBelow[composite] |= UnicodeForm.NfkcBit | UnicodeForm.NfkdBit;
        }

        Mark(Hangul.VowelBase, Hangul.VowelCount, composed);
        Mark(Hangul.TrailBase + 1, Hangul.TrailCount - 1, composed);
        Mark(Hangul.SyllableBase, Hangul.SyllableCount, decomposed);
    }

    /// <summary>The canonical combining class, 0 for a starter.</summary>
    public static int CombiningClass(int scalar) => scalar < classesBelow.Length ? classesBelow[scalar] : 0;

    /// <summary>True when the form of this bit changes the character, or may do so in company.</summary>
    public static bool MayChange(int scalar, byte form) => scalar < formsBelow.Length && (formsBelow[scalar] & form) != 0;

    /// <summary>The full decomposition, Hangul apart.</summary>
    public static bool TryDecompose(int scalar, bool compatible, out int[] parts) =>
        (compatible && compatibility.TryGetValue(scalar, out parts!)) || canonical.TryGetValue(scalar, out parts!);

    /// <summary>The character that two make together.</summary>
    public static bool TryCompose(int first, int second, out int composite) =>
        Hangul.TryCompose(first, second, out composite) || composites.TryGetValue(PairKey(first, second), out composite);

    private static long PairKey(int first, int second) => ((long)first << 32) | (uint)second;

    private static IEnumerable<int> Expand(int scalar, Dictionary<int, int[]> pairs) =>
        pairs.TryGetValue(scalar, out int[]? parts) ? parts.SelectMany(part => Expand(part, pairs)) : [scalar];

    private static void Mark(int first, int count, byte forms)
    {
        foreach (ref byte entry in formsBelow.AsSpan(first, count))
        {
            entry |= forms;
        }
    }
}
