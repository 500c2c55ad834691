using System.Globalization;

namespace Rm.Formats.ChatTemplates;

/// <summary>Tokens of one tag, from behind its opening to behind its closing.</summary>
internal sealed class ExpressionLexer(TemplateSource source, List<TemplateToken> tokens)
{
    private static readonly string[] Operators =
    [
        "//", "**", "==", "!=", ">=", "<=",
        "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
    ];

    private readonly string _text = source.Text;
    private readonly Stack<(char Bracket, int Offset)> _open = new();

    /// <summary>Reads a tag whose content begins at <paramref name="position"/>; returns where the text goes on.</summary>
    public int ReadTag(int position, bool isBlock)
    {
        while (position < _text.Length)
        {
            if (_open.Count == 0 && TryClose(position, isBlock) is var next and >= 0)
            {
                tokens.Add(new TemplateToken(isBlock ? TokenKind.BlockEnd : TokenKind.VariableEnd, "", position));
                return next;
            }

            position = ReadToken(position);
        }

        throw source.Error(_text.Length, isBlock ? "the tag is not closed with '%}'" : "the expression is not closed with '}}'");
    }

    private int TryClose(int position, bool isBlock)
    {
        string close = isBlock ? "%}" : "}}";
        if (At(position, close))
        {
            position += 2;
            return isBlock && position < _text.Length && _text[position] == '\n' ? position + 1 : position;
        }

        if (_text[position] == '-' && At(position + 1, close))
        {
            position += 3;
            while (position < _text.Length && CodePoints.IsSpace(_text[position]))
            {
                position++;
            }

            return position;
        }

        return isBlock && _text[position] == '+' && At(position + 1, close) ? position + 3 : -1;
    }

    private int ReadToken(int position)
    {
        char c = _text[position];
        if (CodePoints.IsSpace(c))
        {
            return position + 1;
        }

        if (char.IsAsciiDigit(c))
        {
            int end = FloatEnd(position);
            bool isFloat = end >= 0;
            end = isFloat ? end : IntegerEnd(position);
            string digits = _text[position..end].Replace("_", "", StringComparison.Ordinal);
            tokens.Add(new TemplateToken(isFloat ? TokenKind.Float : TokenKind.Integer, digits, position));
            return end;
        }

        if (IsWord(c))
        {
            return ReadName(position);
        }

        if (c is '\'' or '"')
        {
            return ReadString(position, c);
        }

        foreach (string text in Operators)
        {
            if (At(position, text))
            {
                Balance(text, position);
                tokens.Add(new TemplateToken(TokenKind.Operator, text, position));
                return position + text.Length;
            }
        }

        throw source.Error(position, $"unexpected character '{c}'");
    }

    private int ReadName(int position)
    {
        int end = position;
        while (end < _text.Length && IsWord(_text[end]))
        {
            end++;
        }

        // Fractions and superscripts count as parts of a word but not of a name.
        ReadOnlySpan<char> name = _text.AsSpan(position, end - position);
        if (char.GetUnicodeCategory(name[0]) == UnicodeCategory.DecimalDigitNumber
            || name.ContainsAnyInRange('\u00b2', '\u00b9') || name.IndexOfAny("¼½¾") >= 0)
        {
            throw source.Error(position, "a name has a character that names cannot have");
        }

        tokens.Add(new TemplateToken(TokenKind.Name, _text[position..end], position));
        return end;
    }

    private int ReadString(int position, char quote)
    {
        int end = position + 1;
        while (end < _text.Length && _text[end] != quote)
        {
            end += _text[end] == '\\' ? 2 : 1;
        }

        if (end >= _text.Length)
        {
            throw source.Error(position, "the string is not closed");
        }

        string value = StringEscapes.Decode(_text[(position + 1)..end])
            ?? throw source.Error(position, "the string has an escape that Python refuses, or a character by name, which is not supported");
        tokens.Add(new TemplateToken(TokenKind.String, value, position));
        return end + 1;
    }

    private void Balance(string text, int position)
    {
        switch (text[0])
        {
            case '(':
                _open.Push((')', position));
                break;
            case '[':
                _open.Push((']', position));
                break;
            case '{':
                _open.Push(('}', position));
                break;
            case ')' or ']' or '}':
                if (_open.Count == 0)
                {
                    throw source.Error(position, $"unexpected '{text}'");
                }

                (char expected, int opened) = _open.Pop();
                if (expected != text[0])
                {
                    throw source.Error(
                        position, $"unexpected '{text}', expected '{expected}' for the bracket in line {source.LineOf(opened)}");
                }

                break;
        }

        if (_open.Count > TemplateLimits.SourceNesting)
        {
            throw source.Error(position, $"brackets are nested deeper than {TemplateLimits.SourceNesting}");
        }
    }

    /// <summary>End of the float at <paramref name="position"/>, or -1: it has a fraction or an exponent, and no dot before it.</summary>
    private int FloatEnd(int position)
    {
        if (position > 0 && _text[position - 1] == '.')
        {
            return -1;
        }

        int end = DigitsEnd(position);
        bool isFloat = false;
        if (end < _text.Length && _text[end] == '.' && DigitsEnd(end + 1) is var fraction && fraction > end + 1)
        {
            (end, isFloat) = (fraction, true);
        }

        if (end < _text.Length && _text[end] is ('e' or 'E'))
        {
            int start = end + 1 < _text.Length && _text[end + 1] is ('+' or '-') ? end + 2 : end + 1;
            if (DigitsEnd(start) is var exponent && exponent > start)
            {
                (end, isFloat) = (exponent, true);
            }
        }

        return isFloat ? end : -1;
    }

    private int IntegerEnd(int position)
    {
        if (_text[position] != '0')
        {
            return DigitsEnd(position);
        }

        Func<char, bool>? isDigit = position + 1 >= _text.Length ? null : char.ToLowerInvariant(_text[position + 1]) switch
        {
            'x' => char.IsAsciiHexDigit,
            'o' => c => c is >= '0' and <= '7',
            'b' => c => c is '0' or '1',
            _ => null,
        };
        int end = isDigit is null ? position : RunEnd(position + 2, isDigit, leadingUnderscore: true);
        return isDigit is not null && end > position + 2 ? end : RunEnd(position, c => c == '0');
    }

    private int DigitsEnd(int position) => RunEnd(position, char.IsAsciiDigit);

    /// <summary>End of digits with single underscores between them (and before them where allowed).</summary>
    private int RunEnd(int position, Func<char, bool> isDigit, bool leadingUnderscore = false)
    {
        int end = position;
        while (end < _text.Length)
        {
            int skip = _text[end] == '_' && (end > position || leadingUnderscore) ? 1 : 0;
            if (end + skip >= _text.Length || !isDigit(_text[end + skip]))
            {
                break;
            }

            end += skip + 1;
        }

        return end;
    }

    private static bool IsWord(char c) => c == '_' || char.IsLetter(c) || char.IsNumber(c);

    private bool At(int position, string text) => string.CompareOrdinal(_text, position, text, 0, text.Length) == 0;
}
