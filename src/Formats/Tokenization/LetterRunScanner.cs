namespace Rm.Formats.Tokenization;

/// <summary>
/// <see cref="WordScanner.QwenPattern"/> (one digit a word) and <see cref="WordScanner.Llama3Pattern"/> (up to three) by hand: every
/// position matches one of the alternatives, tried in the pattern's order.
/// </summary>
internal sealed class LetterRunScanner(int maxDigits) : WordScanner
{
    /// <inheritdoc/>
    public override bool TryNext(ReadOnlySpan<char> text, int from, ref long budget, out int start, out int end)
    {
        start = end = from;
        if (from >= text.Length)
        {
            return false;
        }

        end = MatchEnd(text, from);
        return true;
    }

    private int MatchEnd(ReadOnlySpan<char> text, int from)
    {
        int contraction = Contraction(text[from..]);
        if (contraction > 0)
        {
            return from + contraction;
        }

        Scalars.Kind kind = Scalars.KindAt(text, from, out int length);
        int end = from + length;
        Scalars.Kind next = Scalars.Kind.NewLine; // at the end of the text: nothing that could extend the match
        if (end < text.Length)
        {
            next = Scalars.KindAt(text, end, out _);
        }

        switch (kind)
        {
            // [^\r\n\p{L}\p{N}]?\p{L}+
            case Scalars.Kind.Letter:
            case Scalars.Kind.Space or Scalars.Kind.Other when next == Scalars.Kind.Letter:
                return SkipKind(text, end, Scalars.Kind.Letter, int.MaxValue);

            // \p{N} or \p{N}{1,3}
            case Scalars.Kind.Number:
                return SkipKind(text, end, Scalars.Kind.Number, maxDigits - 1);

            //  ?[^\s\p{L}\p{N}]+[\r\n]*
            case Scalars.Kind.Other:
            case Scalars.Kind.Space when text[from] == ' ' && next == Scalars.Kind.Other:
                return SkipKind(text, SkipKind(text, end, Scalars.Kind.Other, int.MaxValue), Scalars.Kind.NewLine, int.MaxValue);
        }

        end = Gpt2Scanner.SkipWhiteSpace(text, end);
        // \s*[\r\n]+: up to the last line break of the run.
        int lastBreak = text[from..end].LastIndexOfAny('\r', '\n');
        if (lastBreak >= 0)
        {
            return from + lastBreak + 1;
        }
        // \s+(?!\S)|\s+: a run before a word leaves its last character to the word.
        return end < text.Length && end - from > 1 ? end - 1 : end;
    }

    private static int SkipKind(ReadOnlySpan<char> text, int at, Scalars.Kind kind, int atMost)
    {
        while (atMost-- > 0 && at < text.Length && Scalars.KindAt(text, at, out int length) == kind)
        {
            at += length;
        }

        return at;
    }

    /// <summary><c>(?i:'s|'t|'re|'ve|'m|'ll|'d)</c>. U+017F, the long s, is an s to a case-insensitive Unicode match.</summary>
    private static int Contraction(ReadOnlySpan<char> text)
    {
        if (text.Length < 2 || text[0] != '\'')
        {
            return 0;
        }
        // Setting bit 5 lowers ASCII letters, and brings no other character onto one of these.
        char second = (char)(text[1] | 0x20), third = text.Length > 2 ? (char)(text[2] | 0x20) : '\0';
        return (second, third) switch
        {
            ('s' or 't' or 'm' or 'd', _) => 2,
            _ when text[1] == '\u017F' => 2,
            ('r', 'e') or ('v', 'e') or ('l', 'l') => 3,
            _ => 0,
        };
    }
}
