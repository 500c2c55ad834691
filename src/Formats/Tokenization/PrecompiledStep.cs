using System.Globalization;
using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// <c>Precompiled</c>: replaces what SentencePiece's map knows, a grapheme of fewer than six bytes as one piece, everything else
/// character by character.
/// </summary>
internal sealed class PrecompiledStep : NormalizerStep
{
    private const int LongestPiece = 5; // bytes of UTF-8

    private readonly CharsMap _map;
    private readonly bool[] _plainAscii = new bool[128]; // left alone when it stands by itself

    /// <summary>A step over a map.</summary>
    public PrecompiledStep(CharsMap map)
    {
        _map = map;
        for (int c = 0; c < _plainAscii.Length; c++)
        {
            _plainAscii[c] = c != '\r' && map.Find([(byte)c]) is null;
        }
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<char> Apply(ReadOnlySpan<char> text, scoped ref bool atStart, long limit)
    {
        StringBuilder? result = null;
        for (int i = 0; i < text.Length;)
        {
            // Only what is not ASCII can join the character before it, CR LF apart.
            bool alone = text[i] < 128 && (i + 1 == text.Length || text[i + 1] < 128);
            if (alone && _plainAscii[text[i]])
            {
                result?.Append(text[i]);
                i++;
                continue;
            }

            ReadOnlySpan<char> grapheme = text.Slice(i, StringInfo.GetNextTextElementLength(text[i..]));
            if (Find(grapheme) is { } whole)
            {
                result ??= Copy(text[..i]);
                result.Append(whole);
            }
            else
            {
                for (int k = 0, length; k < grapheme.Length; k += length)
                {
                    Scalars.At(grapheme, k, out length);
                    ReadOnlySpan<char> character = grapheme.Slice(k, length);
                    if (Find(character) is { } one)
                    {
                        result ??= Copy(text[..(i + k)]);
                        result.Append(one);
                    }
                    else
                    {
                        result?.Append(character);
                    }
                }
            }

            i += grapheme.Length;
            Normalizer.CheckLength(result?.Length ?? 0, limit);
        }

        return result is null ? text : result.ToString();
    }

    private static StringBuilder Copy(ReadOnlySpan<char> before) => new StringBuilder(before.Length + 1024).Append(before);

    private string? Find(ReadOnlySpan<char> piece)
    {
        Span<byte> utf8 = stackalloc byte[LongestPiece * 3];
        if (piece.Length > LongestPiece)
        {
            return null;
        }

        int length = Encoding.UTF8.GetBytes(piece, utf8);
        return length <= LongestPiece ? _map.Find(utf8[..length]) : null;
    }
}
