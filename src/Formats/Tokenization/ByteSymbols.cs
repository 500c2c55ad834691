using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// The tokens that a word's bytes begin as, before any merge. A vocabulary may lack bytes that its training text did not hold (SmolLM,
/// Pythia and StarCoder do): such a byte becomes what <c>byte_fallback</c> spells it with, else <c>unk_token</c>, else nothing at all,
/// as in Hugging Face tokenizers; its neighbours then merge across the gap.
/// </summary>
internal sealed class ByteSymbols : WordSymbols
{
    private const int Nothing = -1, Unknown = -2, Fallback = -3;
    private readonly int[] idOfByte = new int[256];
    private readonly int[]?[] fallbackOfByte = new int[]?[256];
    private readonly int unknownId;
    private readonly bool fuseUnknown;

    /// <summary>Looks up all 256 bytes.</summary>
    /// <param name="vocabulary">Tokens by their bytes.</param>
    /// <param name="unknownId">Id of <c>unk_token</c>, or -1.</param>
    /// <param name="fuseUnknown"><c>fuse_unk</c>: neighbouring unknown bytes become one token.</param>
    /// <param name="byteFallback"><c>byte_fallback</c>: a missing symbol is spelled with tokens such as <c>&lt;0xC4&gt;</c>.</param>
    /// <exception cref="InvalidDataException">
    /// The vocabulary is empty, or spells some missing bytes out and leaves others to <c>unk_token</c>.
    /// </exception>
    public ByteSymbols(Vocabulary vocabulary, int unknownId, bool fuseUnknown, bool byteFallback)
    {
        if (vocabulary.Size == 0)
        {
            throw new InvalidDataException("model.vocab is empty");
        }

        this.unknownId = unknownId;
        this.fuseUnknown = fuseUnknown;
        int missing = 0, spelled = 0;
        Span<byte> single = stackalloc byte[1];
        for (int b = 0; b < 256; b++)
        {
            single[0] = (byte)b;
            if (vocabulary.TryFind(single, out idOfByte[b]))
            {
                continue;
            }

            missing++;
            idOfByte[b] = unknownId >= 0 ? Unknown : Nothing;
            if (byteFallback && Spelled(ByteAlphabet.Spell(single), vocabulary) is { } ids)
            {
                (idOfByte[b], fallbackOfByte[b]) = (Fallback, ids);
                spelled++;
            }
        }

        if (spelled > 0 && spelled < missing && unknownId >= 0)
        {
            throw new InvalidDataException("model.byte_fallback is true, but model.vocab has the tokens for some missing bytes only; "
                + "it needs <0x00> to <0xFF> or none of them");
        }
    }

    /// <inheritdoc/>
    public override int MostFor(int bytes) => checked(bytes * 2);

    /// <inheritdoc/>
    public override int Write(ReadOnlySpan<byte> word, Span<int> symbols)
    {
        int n = 0;
        bool afterUnknown = false;
        foreach (byte b in word)
        {
            int id = idOfByte[b];
            if (id >= 0)
            {
                symbols[n++] = id;
            }
            else if (id == Unknown && !(afterUnknown && fuseUnknown))
            {
                symbols[n++] = unknownId;
            }
            else if (id == Fallback)
            {
                fallbackOfByte[b].CopyTo(symbols[n..]);
                n += fallbackOfByte[b]!.Length;
            }

            afterUnknown = id == Unknown;
        }

        return n;
    }

    /// <summary>The tokens of a symbol's own UTF-8 bytes, or null unless the vocabulary has them all.</summary>
    private static int[]? Spelled(string symbol, Vocabulary vocabulary)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(symbol);
        int[] ids = new int[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            if (!vocabulary.TryFindSpelling(Encoding.UTF8.GetBytes($"<0x{bytes[i]:X2}>"), out ids[i]))
            {
                return null;
            }
        }

        return ids;
    }
}
