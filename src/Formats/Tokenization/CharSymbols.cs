using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// The symbols of SentencePiece-like BPE: one a character. A character without a token is spelled byte by byte with <c>byte_fallback</c>
/// (tokens such as <c>&lt;0xE6&gt;</c>), else is <c>unk_token</c>, else is left out, as in Hugging Face tokenizers.
/// </summary>
internal sealed class CharSymbols : WordSymbols
{
    private readonly Vocabulary _vocabulary;
    private readonly int[] _idOfAscii = new int[128];
    private readonly int[]? _idOfByte; // with byte_fallback; -1 where there is no token
    private readonly int _unknownId;
    private readonly bool _fuseUnknown;

    /// <summary>Looks up the tokens of bytes.</summary>
    /// <param name="vocabulary">Tokens by their text.</param>
    /// <param name="unknownId">Id of <c>unk_token</c>, or -1.</param>
    /// <param name="fuseUnknown"><c>fuse_unk</c>: neighbouring unknown characters become one token.</param>
    /// <param name="byteFallback"><c>byte_fallback</c>.</param>
    public CharSymbols(Vocabulary vocabulary, int unknownId, bool fuseUnknown, bool byteFallback)
    {
        (_vocabulary, _unknownId, _fuseUnknown) = (vocabulary, unknownId, fuseUnknown);
        for (int c = 0; c < _idOfAscii.Length; c++)
        {
            _idOfAscii[c] = vocabulary.TryFind([(byte)c], out int id) ? id : -1;
        }

        _idOfByte = byteFallback ? ByteTokens(vocabulary) : null;
    }

    /// <summary>True when every character has tokens of its own, so that none is ever unknown or left out.</summary>
    public bool CoversAll => _idOfByte is not null && !_idOfByte.Contains(-1);

    /// <summary>Ids of the tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>, -1 where there is none.</summary>
    public static int[] ByteTokens(Vocabulary vocabulary) =>
        [.. Enumerable.Range(0, 256).Select(b => vocabulary.TryFind(Encoding.ASCII.GetBytes($"<0x{b:X2}>"), out int id) ? id : -1)];

    /// <summary>True for a character with a token.</summary>
    public bool Knows(Rune character)
    {
        Span<byte> utf8 = stackalloc byte[4];
        return Find(utf8[..character.EncodeToUtf8(utf8)]) >= 0;
    }

    /// <inheritdoc/>
    public override int MostFor(int bytes) => bytes;

    /// <inheritdoc/>
    public override int Write(ReadOnlySpan<byte> word, Span<int> symbols)
    {
        int n = 0;
        // An unknown token is written when the next known character comes: behind the byte tokens between the two, as Hugging Face does.
        bool pending = false;
        while (!word.IsEmpty)
        {
            Rune.DecodeFromUtf8(word, out _, out int length);
            ReadOnlySpan<byte> character = word[..length];
            word = word[length..];
            int id = Find(character);
            if (id < 0 && TryWriteBytes(character, symbols[n..]))
            {
                n += length;
            }
            else if (id < 0)
            {
                if (pending && !_fuseUnknown)
                {
                    symbols[n++] = _unknownId;
                }

                pending = _unknownId >= 0;
            }
            else
            {
                if (pending)
                {
                    symbols[n++] = _unknownId;
                    pending = false;
                }

                symbols[n++] = id;
            }
        }

        if (pending)
        {
            symbols[n++] = _unknownId;
        }

        return n;
    }

    private int Find(ReadOnlySpan<byte> character) =>
        character[0] < 128 ? _idOfAscii[character[0]] : _vocabulary.TryFind(character, out int id) ? id : -1;

    private bool TryWriteBytes(ReadOnlySpan<byte> character, Span<int> symbols)
    {
        if (_idOfByte is null)
        {
            return false;
        }

        for (int i = 0; i < character.Length; i++)
        {
            int id = _idOfByte[character[i]];
            if (id < 0)
            {
                return false;
            }

            symbols[i] = id;
        }

        return true;
    }
}
