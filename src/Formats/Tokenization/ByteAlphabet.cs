using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// The byte-level alphabet of GPT-2: every byte has a printable character, so that a vocabulary of byte strings can be written as
/// text. Printable Latin-1 bytes stand for themselves, the other 68 bytes take U+0100 and on, in order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] charOf = BuildCharOf();
    private static readonly short[] byteOf = BuildByteOf();

    /// <summary>The bytes that <paramref name="spelling"/> (UTF-8) stands for. False when a character is outside the alphabet.</summary>
    /// <param name="spelling">A vocabulary key in UTF-8.</param>
    /// <param name="bytes">Receives the bytes; as long as the spelling is enough.</param>
    /// <param name="count">How many bytes were written.</param>
    public static bool TryToBytes(ReadOnlySpan<byte> spelling, Span<byte> bytes, out int count)
    {
        count = 0;
        for (int i = 0; i < spelling.Length; i++)
        {
            // The alphabet ends below U+0800: its characters have one byte in UTF-8, or two.
            int c = spelling[i];
            if (c >= 0x80)
            {
                if (c is < 0xC2 or > 0xDF || ++i >= spelling.Length || (spelling[i] & 0xC0) != 0x80)
                {
                    return false;
                }

                c = ((c & 0x1F) << 6) | (spelling[i] & 0x3F);
            }

            if (c >= byteOf.Length || byteOf[c] < 0)
            {
                return false;
            }

            bytes[count++] = (byte)byteOf[c];
        }

        return true;
    }

    /// <summary>Writes the bytes that <paramref name="spelling"/> stands for; every character must be of the alphabet.</summary>
    public static void ToBytes(ReadOnlySpan<char> spelling, Span<byte> bytes)
    {
        for (int i = 0; i < spelling.Length; i++)
        {
            bytes[i] = (byte)byteOf[spelling[i]];
        }
    }

    /// <summary>The spelling of <paramref name="bytes"/>, as tokenizer.json writes it.</summary>
    public static string Spell(ReadOnlySpan<byte> bytes)
    {
        var spelling = new StringBuilder(bytes.Length);
        foreach (byte b in bytes)
        {
            spelling.Append(charOf[b]);
        }

        return spelling.ToString();
    }

    private static char[] BuildCharOf()
    {
        char[] result = new char[256];
        char next = '\u0100';
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            result[b] = printable ? (char)b : next++;
        }

        return result;
    }

    private static short[] BuildByteOf()
    {
        short[] result = new short[charOf.Max() + 1];
        Array.Fill(result, (short)-1);
        for (int b = 0; b < 256; b++)
        {
            result[charOf[b]] = (short)b;
        }

        return result;
    }
}
