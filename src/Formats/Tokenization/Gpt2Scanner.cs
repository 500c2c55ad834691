namespace Rm.Formats.Tokenization;

/// <summary><see cref="WordScanner.Gpt2Pattern"/> by hand: every position matches one of its alternatives.</summary>
internal sealed class Gpt2Scanner : WordScanner
{
    /// <inheritdoc/>
    public override bool TryNext(ReadOnlySpan<char> text, int from, ref long budget, out int start, out int end)
    {
        start = end = from;
        if (from >= text.Length)
        {
            return false;
        }

        end = from + Contraction(text[from..]);
        if (end > from)
        {
            return true;
        }

        Scalars.Kind kind = Scalars.KindAt(text, from, out int length);
        if (text[from] == ' ' && from + 1 < text.Length)
        {
            Scalars.Kind next = Scalars.KindAt(text, from + 1, out int nextLength);
            if (next is not (Scalars.Kind.Space or Scalars.Kind.NewLine))
            {
                (kind, length) = (next, 1 + nextLength);
            }
        }

        end = from + length;
        if (kind is Scalars.Kind.Space or Scalars.Kind.NewLine)
        {
            end = SkipWhiteSpace(text, end);
            // \s+(?!\S): a run before a word leaves its last character to the word.
            if (end < text.Length && end - from > 1)
            {
                end--;
            }

            return true;
        }

        while (end < text.Length && Scalars.KindAt(text, end, out length) == kind)
        {
            end += length;
        }

        return true;
    }

    /// <summary>The end of the white space that begins at <paramref name="end"/>. All white space is in the basic plane.</summary>
    internal static int SkipWhiteSpace(ReadOnlySpan<char> text, int end)
    {
        while (end < text.Length && Scalars.IsWhiteSpace(text[end]))
        {
            end++;
        }

        return end;
    }

    private static int Contraction(ReadOnlySpan<char> text)
    {
        if (text.Length < 2 || text[0] != '\'')
        {
            return 0;
        }

        char second = text[1], third = text.Length > 2 ? text[2] : '\0';
        return (second, third) switch
        {
            ('s' or 't' or 'm' or 'd', _) => 2,
            ('r', 'e') or ('v', 'e') or ('l', 'l') => 3,
            _ => 0,
        };
    }
}
