using System.Buffers;
using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// A Unicode normalization form (UAX #15). <c>string.Normalize</c> returns non-ASCII text unchanged under invariant globalization, which is
/// how btrm runs on machines without ICU, and knows a newer Unicode than Hugging Face tokenizers, so the tables are ours.
/// </summary>
internal sealed class UnicodeForm
{
    /// <summary>The bit of each form in <see cref="NormalizationTables.MayChange"/>.</summary>
    internal const byte NfcBit = 1, NfdBit = 2, NfkcBit = 4, NfkdBit = 8;

    private const int LongestDecomposition = 18; // U+FDFA

    private readonly bool _compatibility;
    private readonly bool _compose;
    private readonly byte _bit;

    private UnicodeForm(byte bit)
    {
        _bit = bit;
        _compatibility = bit is NfkcBit or NfkdBit;
        _compose = bit is NfcBit or NfkcBit;
    }

    /// <summary>Canonical decomposition, then composition.</summary>
    public static UnicodeForm Nfc { get; } = new(NfcBit);

    /// <summary>Canonical decomposition.</summary>
    public static UnicodeForm Nfd { get; } = new(NfdBit);

    /// <summary>Compatibility decomposition, then composition.</summary>
    public static UnicodeForm Nfkc { get; } = new(NfkcBit);

    /// <summary>Compatibility decomposition.</summary>
    public static UnicodeForm Nfkd { get; } = new(NfkdBit);

    /// <summary>True when no character can change: exact for most text, false too for some normalized text with combining marks.</summary>
    public bool IsPlain(ReadOnlySpan<char> text)
    {
        // Below U+0300 every character is a starter that NFC leaves alone whatever follows in the same range.
        int i = text.IndexOfAnyExceptInRange('\0', _bit == NfcBit ? '\u02FF' : '\u007F');
        if (i < 0)
        {
            return true;
        }

        while (i < text.Length)
        {
            int scalar = Scalars.At(text, i, out int length);
            if (NormalizationTables.MayChange(scalar, _bit))
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
    public string Normalize(ReadOnlySpan<char> text)
    {
        if (IsPlain(text))
        {
            return text.ToString();
        }

        int[] scalars = ArrayPool<int>.Shared.Rent(checked((text.Length * 2) + LongestDecomposition));
        try
        {
            int count = Decompose(text, ref scalars);
            Reorder(scalars.AsSpan(0, count));
            if (_compose)
            {
                count = Compose(scalars.AsSpan(0, count));
            }

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

    private int Decompose(ReadOnlySpan<char> text, ref int[] output)
    {
        int count = 0;
        for (int i = 0; i < text.Length;)
        {
            if (output.Length - count < LongestDecomposition)
            {
                int[] larger = ArrayPool<int>.Shared.Rent(checked(output.Length * 2));
                output.AsSpan(0, count).CopyTo(larger);
                ArrayPool<int>.Shared.Return(output);
                output = larger;
            }

            int scalar = Scalars.At(text, i, out int length);
            i += length;
            if (scalar < 0xA0)
            {
                output[count++] = scalar;
            }
            else if (Hangul.IsSyllable(scalar))
            {
                count += Hangul.Decompose(scalar, output.AsSpan(count));
            }
            else if (NormalizationTables.TryDecompose(scalar, _compatibility, out int[] parts))
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
            for (int ccc; i < scalars.Length && (ccc = NormalizationTables.CombiningClass(scalars[i])) != 0; i++)
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
                keys[k] = ((long)NormalizationTables.CombiningClass(run[k]) << 32) | (uint)k;
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
            int ccc = NormalizationTables.CombiningClass(scalar);
            if (starter >= 0 && lastClass < ccc && NormalizationTables.TryCompose(scalars[starter], scalar, out int composite))
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
}
