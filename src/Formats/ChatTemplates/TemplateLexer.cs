namespace Rm.Formats.ChatTemplates;

/// <summary>
/// Cuts a template into text and tags. Whitespace as Jinja has it with trim_blocks and lstrip_blocks on: a block or comment that is
/// first on its line takes the blanks before it along, and one newline after it; '-' takes all whitespace, '+' none.
/// </summary>
internal sealed class TemplateLexer
{
    private readonly TemplateSource _source;
    private readonly string _text;
    private readonly List<TemplateToken> _tokens = [];

    private TemplateLexer(TemplateSource source)
    {
        _source = source;
        _text = source.Text;
    }

    public static List<TemplateToken> Tokenize(TemplateSource source)
    {
        var lexer = new TemplateLexer(source);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        int position = 0;
        while (true)
        {
            int open = NextOpening(position);
            if (open < 0)
            {
                AddData(_text[position..], position);
                break;
            }

            char kind = _text[open + 1];
            char sign = SignAt(open + 2);
            int content = open + (sign == '\0' ? 2 : 3);
            AddData(Strip(position, open, sign, kind != '{'), position);
            if (kind == '#')
            {
                position = SkipComment(open, content);
            }
            else if (kind == '%' && RawBegin(content) is var body and >= 0)
            {
                position = ReadRaw(open, body);
            }
            else
            {
                _tokens.Add(new TemplateToken(kind == '%' ? TokenKind.BlockBegin : TokenKind.VariableBegin, "", open));
                position = new ExpressionLexer(_source, _tokens).ReadTag(content, kind == '%');
            }
        }

        _tokens.Add(new TemplateToken(TokenKind.End, "", _text.Length));
    }

    private int NextOpening(int position)
    {
        for (int i = position; ; i++)
        {
            i = _text.IndexOf('{', i);
            if (i < 0 || i + 1 >= _text.Length)
            {
                return -1;
            }

            if (_text[i + 1] is '%' or '{' or '#')
            {
                return i;
            }
        }
    }

    /// <summary>The text in [start, end) before a tag, without what the tag takes away.</summary>
    private string Strip(int start, int end, char sign, bool stripsLine)
    {
        if (sign == '-')
        {
            while (end > start && CodePoints.IsSpace(_text[end - 1]))
            {
                end--;
            }
        }
        else if (sign != '+' && stripsLine)
        {
            int line = end > start ? _text.LastIndexOf('\n', end - 1, end - start) + 1 : 0;
            int lineStart = Math.Max(line, start);

            // The blanks count as a line's beginning only after a newline, one that the tag before may have taken.
            if (line > start || start == 0 || _text[start - 1] == '\n')
            {
                int i = end;
                while (i > lineStart && CodePoints.IsSpace(_text[i - 1]))
                {
                    i--;
                }

                end = i == lineStart ? i : end;
            }
        }

        return _text[start..end];
    }

    private int SkipComment(int open, int content)
    {
        int close = _text.IndexOf("#}", content, StringComparison.Ordinal);
        if (close < 0)
        {
            // Jinja overlooks an opening that is the very last thing.
            if (content >= _text.Length)
            {
                return _text.Length;
            }

            throw _source.Error(open, "the comment is not closed with '#}'");
        }

        return AfterTag(close + 2, close > content ? _text[close - 1] : '\0');
    }

    /// <summary>Where the text goes on after a block or comment whose last sign was <paramref name="sign"/>.</summary>
    private int AfterTag(int position, char sign)
    {
        if (sign == '-')
        {
            return SkipSpace(position);
        }

        return sign != '+' && position < _text.Length && _text[position] == '\n' ? position + 1 : position;
    }

    private int SkipSpace(int position)
    {
        while (position < _text.Length && CodePoints.IsSpace(_text[position]))
        {
            position++;
        }

        return position;
    }

    /// <summary>Offset of a raw block's body when <c>raw %}</c> stands at <paramref name="position"/>, else -1.</summary>
    private int RawBegin(int position)
    {
        position = SkipSpace(position);
        if (!At(position, "raw"))
        {
            return -1;
        }

        position = SkipSpace(position + 3);
        return At(position, "%}") ? position + 2 : At(position, "-%}") ? SkipSpace(position + 3) : -1;
    }

    private int ReadRaw(int open, int body)
    {
        for (int i = _text.IndexOf("{%", body, StringComparison.Ordinal); i >= 0; i = _text.IndexOf("{%", i + 1, StringComparison.Ordinal))
        {
            char sign = SignAt(i + 2);
            int position = SkipSpace(i + (sign == '\0' ? 2 : 3));
            if (!At(position, "endraw"))
            {
                continue;
            }

            position = SkipSpace(position + 6);
            char closing = At(position, "%}") ? '\0' : At(position, "-%}") ? '-' : At(position, "+%}") ? '+' : ' ';
            if (closing != ' ')
            {
                AddData(Strip(body, i, sign, stripsLine: true), body);
                return AfterTag(position + (closing == '\0' ? 2 : 3), closing);
            }
        }

        if (body >= _text.Length)
        {
            return _text.Length;
        }

        throw _source.Error(open, "the raw block is not closed with '{% endraw %}'");
    }

    private char SignAt(int position) => position < _text.Length && _text[position] is ('-' or '+') ? _text[position] : '\0';

    private bool At(int position, string text) => string.CompareOrdinal(_text, position, text, 0, text.Length) == 0;

    private void AddData(string text, int offset)
    {
        if (text.Length > 0)
        {
            _tokens.Add(new TemplateToken(TokenKind.Data, text, offset));
        }
    }
}
