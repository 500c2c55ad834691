using System.Buffers;
using System.Globalization;
using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Unicode normalization form C (UAX #15). <c>string.Normalize</c> returns non-ASCII text unchanged under invariant globalization,
/// which is how btrm runs on machines without ICU, so the tables are ours.
/// </summary>
internal static class Nfc
{
    // UAX #15 section 16: Hangul syllables are arithmetic on their jamo.
    private const int SyllableBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28, SyllableCount = LeadCount * VowelCount * TrailCount;

    /// <summary>Below this, every character is a starter that NFC leaves alone whatever follows in the same range.</summary>
    private const char FirstAffected = '\u0300';

    /// <summary>True when no character can change: exact for most text, false too for some normalized text with combining marks.</summary>
    public static bool IsPlain(ReadOnlySpan<char> text)
    {
        int i = text.IndexOfAnyExceptInRange('\0', (char)(FirstAffected - 1));
        if (i < 0)
        {
            return true;
        }
        while (i < text.Length)
        {
            int scalar = Scalars.At(text, i, out int length);
            if (Tables.MayChange(scalar))
            {
                return false;
            }
            i += length;
        }
        return true;
    }

    /// <summary>
    /// The normalized text; lone surrogates become U+FFFD. Linear in the text, sorting of combining marks apart (n log n).
    /// </summary>
    public static string Normalize(ReadOnlySpan<char> text)
    {
        if (IsPlain(text))
        {
            return text.ToString();
        }
        // No canonical decomposition is longer than four scalars.
        int[] scalars = ArrayPool<int>.Shared.Rent(checked((text.Length * 4) + 4));
        try
        {
            int count = Decompose(text, scalars);
            Reorder(scalars.AsSpan(0, count));
            count = Compose(scalars.AsSpan(0, count));
            var result = new StringBuilder(text.Length);
            foreach (int scalar in scalars.AsSpan(0, count))
            {
                if (scalar < 0x10000)
                {
                    result.Append((char)scalar);
                }
                else
                {
                    result.Append(char.ConvertFromUtf32(scalar));
                }
            }
            return result.ToString();
        }
        finally
        {
            ArrayPool<int>.Shared.Return(scalars);
        }
    }

    private static int Decompose(ReadOnlySpan<char> text, int[] output)
    {
        int count = 0;
        for (int i = 0; i < text.Length;)
        {
            int scalar = Scalars.At(text, i, out int length);
            i += length;
            int syllable = scalar - SyllableBase;
            if (scalar < 0xC0)
            {
                output[count++] = scalar;
            }
            else if ((uint)syllable < SyllableCount)
            {
                output[count++] = LeadBase + (syllable / (VowelCount * TrailCount));
                output[count++] = VowelBase + (syllable / TrailCount % VowelCount);
                if (syllable % TrailCount != 0)
                {
                    output[count++] = TrailBase + (syllable % TrailCount);
                }
            }
            else if (Tables.Decompositions.TryGetValue(scalar, out int[]? parts))
            {
                parts.CopyTo(output, count);
                count += parts.Length;
            }
            else
            {
                output[count++] = scalar;
            }
        }
        return count;
    }

    /// <summary>Sorts every run of combining marks by its class, keeping the order of equal ones.</summary>
    private static void Reorder(Span<int> scalars)
    {
        for (int i = 0; i < scalars.Length; i++)
        {
            int first = i;
            bool sorted = true;
            int last = 0;
            for (int ccc; i < scalars.Length && (ccc = Tables.CombiningClass(scalars[i])) != 0; i++)
            {
                sorted &= ccc >= last;
                last = ccc;
            }
            if (sorted)
            {
                continue;
            }
            Span<int> run = scalars[first..i];
            long[] keys = new long[run.Length];
            for (int k = 0; k < run.Length; k++)
            {
                keys[k] = ((long)Tables.CombiningClass(run[k]) << 32) | (uint)k;
            }
            int[] values = run.ToArray();
            Array.Sort(keys, values);
            values.CopyTo(run);
        }
    }

    private static int Compose(Span<int> scalars)
    {
        int count = 0, starter = -1;
        int lastClass = -1; // of what stands between the starter and here; -1: nothing does
        foreach (int scalar in scalars)
        {
            int ccc = Tables.CombiningClass(scalar);
            if (starter >= 0 && lastClass < ccc && TryComposePair(scalars[starter], scalar, out int composite))
            {
                scalars[starter] = composite;
                continue;
            }
            if (ccc == 0)
            {
                starter = count;
                lastClass = -1;
            }
            else
            {
                lastClass = ccc;
            }
            scalars[count++] = scalar;
        }
        return count;
    }

    private static bool TryComposePair(int first, int second, out int composite)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
        {
            composite = SyllableBase + ((((first - LeadBase) * VowelCount) + (second - VowelBase)) * TrailCount);
            return true;
        }
        int syllable = first - SyllableBase;
        if ((uint)syllable < SyllableCount && syllable % TrailCount == 0 && (uint)(second - TrailBase - 1) < TrailCount - 1)
        {
            composite = first + (second - TrailBase);
            return true;
        }
        return Tables.Composites.TryGetValue(Tables.PairKey(first, second), out composite);
    }

    private static class Tables
    {
        public static readonly Dictionary<int, int[]> Decompositions = [];
        public static readonly Dictionary<long, int> Composites = [];
        private static readonly byte[] classesBelow = new byte[0x20000];
        private static readonly bool[] mayChangeBelow = new bool[0x30000];

        static Tables()
        {
            var pairs = new Dictionary<int, int[]>();
            foreach (string item in Items(NfcData.Decompositions))
            {
                int sign = item.AsSpan().IndexOfAny('=', '!');
                int composite = Hex(item.AsSpan(0, sign));
                int[] parts = [.. item[(sign + 1)..].Split('+').Select(part => Hex(part))];
                pairs[composite] = parts;
                if (item[sign] == '=')
                {
                    Composites[PairKey(parts[0], parts[1])] = composite;
                    mayChangeBelow[parts[1]] = true; // may join what stands before it
                }
                else
                {
                    mayChangeBelow[composite] = true;
                }
            }
            foreach (int composite in pairs.Keys)
            {
                Decompositions[composite] = [.. Expand(composite, pairs)];
            }
            foreach (string item in Items(NfcData.CombiningClasses))
            {
                int dash = item.IndexOf('-', StringComparison.Ordinal), colon = item.IndexOf(':', StringComparison.Ordinal);
                byte ccc = byte.Parse(item.AsSpan(colon + 1), CultureInfo.InvariantCulture);
                for (int scalar = Hex(item.AsSpan(0, dash)); scalar <= Hex(item.AsSpan(dash + 1, colon - dash - 1)); scalar++)
                {
                    classesBelow[scalar] = ccc;
                    mayChangeBelow[scalar] = true;
                }
            }
            Array.Fill(mayChangeBelow, true, VowelBase, VowelCount);
            Array.Fill(mayChangeBelow, true, TrailBase + 1, TrailCount - 1);
        }

        public static long PairKey(int first, int second) => ((long)first << 32) | (uint)second;

        public static int CombiningClass(int scalar) => scalar < classesBelow.Length ? classesBelow[scalar] : 0;

        public static bool MayChange(int scalar) => scalar < mayChangeBelow.Length && mayChangeBelow[scalar];

        private static IEnumerable<int> Expand(int scalar, Dictionary<int, int[]> pairs) =>
            pairs.TryGetValue(scalar, out int[]? parts) ? parts.SelectMany(part => Expand(part, pairs)) : [scalar];

        private static string[] Items(string table) => table.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);

        private static int Hex(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
