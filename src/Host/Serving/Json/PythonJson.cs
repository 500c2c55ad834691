using System.Globalization;
using System.Numerics;
using System.Text;

namespace Rm.Host.Serving.Json;

/// <summary>
/// JSON as Python's <c>json.loads</c> reads it, which is what the imitated servers do: <c>NaN</c> and <c>Infinity</c> pass, of a repeated
/// name the last counts, an escaped half of a surrogate pair stays, and an error has its position in characters. Values are <see
/// cref="string"/>,
/// <see cref="long"/>, <see cref="BigInteger"/>, <see cref="double"/>, <see cref="bool"/>, null, <see cref="List{T}"/> and
/// <see cref="JsonMap"/>.
/// </summary>
internal sealed class PythonJson
{
    // Deeper than any request needs; Python gives up near 1000.
    private const int MaxDepth = 200;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _text;
    private int _at;

    private PythonJson(string text) => _text = text;

    /// <summary>The value of a document.</summary>
    /// <exception cref="JsonDecodeException">It is not JSON.</exception>
    /// <exception cref="DecoderFallbackException">It is not UTF-8.</exception>
    public static object? Parse(ReadOnlySpan<byte> utf8)
    {
        if (utf8.StartsWith("\uFEFF"u8))
        {
            utf8 = utf8[3..];
        }

        var reader = new PythonJson(Strict.GetString(utf8));
        reader.SkipSpace();
        object? value = reader.Value(depth: 0);
        reader.SkipSpace();
        return reader._at == reader._text.Length ? value : throw reader.Error("Extra data", reader._at);
    }

    /// <summary>Whether a text holds half of a surrogate pair, which no tokenizer can take.</summary>
    public static bool HasLoneSurrogate(string text)
    {
        int at = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF');
        for (int i = at; i >= 0 && i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return true;
            }
        }

        return false;
    }

    private object? Value(int depth)
    {
        char c = Peek();
        switch (c)
        {
            case '"':
                _at++;
                return Text();
            case '{' when depth < MaxDepth:
                _at++;
                return Map(depth + 1);
            case '[' when depth < MaxDepth:
                _at++;
                return Array(depth + 1);
            case '{' or '[':
                throw Error("Too deeply nested", _at);
            case 'n' when Take("null"):
                return null;
            case 't' when Take("true"):
                return true;
            case 'f' when Take("false"):
                return false;
            case 'N' when Take("NaN"):
                return double.NaN;
            case 'I' when Take("Infinity"):
                return double.PositiveInfinity;
            case '-' when Take("-Infinity"):
                return double.NegativeInfinity;
            default:
                return Number();
        }
    }

    private JsonMap Map(int depth)
    {
        var map = new JsonMap();
        SkipSpace();
        if (Peek() == '}')
        {
            _at++;
            return map;
        }

        while (true)
        {
            if (Peek() != '"')
            {
                throw Error("Expecting property name enclosed in double quotes", _at);
            }

            _at++;
            string name = Text();
            SkipSpace();
            if (Peek() != ':')
            {
                throw Error("Expecting ':' delimiter", _at);
            }

            _at++;
            SkipSpace();
            map[name] = Value(depth);
            SkipSpace();
            if (Peek() == '}')
            {
                _at++;
                return map;
            }

            Comma();
        }
    }

    private List<object?> Array(int depth)
    {
        var list = new List<object?>();
        SkipSpace();
        if (Peek() == ']')
        {
            _at++;
            return list;
        }

        while (true)
        {
            list.Add(Value(depth));
            SkipSpace();
            if (Peek() == ']')
            {
                _at++;
                return list;
            }

            Comma();
        }
    }

    private void Comma()
    {
        if (Peek() != ',')
        {
            throw Error("Expecting ',' delimiter", _at);
        }

        _at++;
        SkipSpace();
    }

    private string Text()
    {
        int begin = _at - 1;
        int plain = _text.AsSpan(_at).IndexOfAny("\"\\") is var n && n >= 0 ? n : throw Error("Unterminated string starting at", begin);
        CheckControls(_text.AsSpan(_at, plain));
        if (_text[_at + plain] == '"')
        {
            string text = _text.Substring(_at, plain);
            _at += plain + 1;
            return text;
        }

        var built = new StringBuilder();
        while (true)
        {
            int run = _text.AsSpan(_at).IndexOfAny("\"\\");
            if (run < 0)
            {
                throw Error("Unterminated string starting at", begin);
            }

            CheckControls(_text.AsSpan(_at, run));
            built.Append(_text, _at, run);
            _at += run + 1;
            if (_text[_at - 1] == '"')
            {
                return built.ToString();
            }

            built.Append(Escape(begin));
        }
    }

    private char Escape(int begin)
    {
        if (_at >= _text.Length)
        {
            throw Error("Unterminated string starting at", begin);
        }

        char c = _text[_at++];
        switch (c)
        {
            case '"' or '\\' or '/':
                return c;
            case 'b':
                return '\b';
            case 'f':
                return '\f';
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'u' when _at + 4 <= _text.Length
                && ushort.TryParse(_text.AsSpan(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit):
                _at += 4;
                return (char)unit;
            case 'u':
                throw Error("Invalid \\uXXXX escape", _at);
            default:
                throw Error("Invalid \\escape", _at - 2);
        }
    }

    private void CheckControls(ReadOnlySpan<char> run)
    {
        int bad = run.IndexOfAnyInRange('\0', '\u001F');
        if (bad >= 0)
        {
            throw Error("Invalid control character at", _at + bad);
        }
    }

    // -?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?, the longest match; what follows is somebody else's error.
    private object Number()
    {
        int begin = _at, at = _at + (Peek() == '-' ? 1 : 0);
        int whole = Digits(at);
        if (whole == 0)
        {
            throw Error("Expecting value", begin);
        }

        at += _text[at] == '0' ? 1 : whole;
        bool isInteger = true;
        if (at < _text.Length && _text[at] == '.' && Digits(at + 1) is > 0 and int fraction)
        {
            at += 1 + fraction;
            isInteger = false;
        }

        if (at < _text.Length && _text[at] is 'e' or 'E')
        {
            int sign = at + 1 < _text.Length && _text[at + 1] is '+' or '-' ? 1 : 0;
            if (Digits(at + 1 + sign) is > 0 and int exponent)
            {
                at += 1 + sign + exponent;
                isInteger = false;
            }
        }

        ReadOnlySpan<char> span = _text.AsSpan(begin, at - begin);
        _at = at;
        if (!isInteger)
        {
            return double.Parse(span, NumberStyles.Float, CultureInfo.InvariantCulture);
        }

        if (long.TryParse(span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long small))
        {
            return small;
        }

        // Python refuses more digits than this.
        return span.Length <= 4300
            ? BigInteger.Parse(span, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            : throw Error("Expecting value", begin);
    }

    private int Digits(int at)
    {
        int count = 0;
        while (at + count < _text.Length && char.IsAsciiDigit(_text[at + count]))
        {
            count++;
        }

        return count;
    }

    private char Peek() => _at < _text.Length ? _text[_at] : '\0';

    private bool Take(string word)
    {
        if (!_text.AsSpan(_at).StartsWith(word))
        {
            return false;
        }

        _at += word.Length;
        return true;
    }

    private void SkipSpace()
    {
        while (_at < _text.Length && _text[_at] is ' ' or '\t' or '\n' or '\r')
        {
            _at++;
        }
    }

    // Python counts code points: a pair of surrogates is one.
    private JsonDecodeException Error(string message, int at)
    {
        int position = at;
        for (int i = 1; i < Math.Min(at, _text.Length); i++)
        {
            position -= char.IsLowSurrogate(_text[i]) && char.IsHighSurrogate(_text[i - 1]) ? 1 : 0;
        }

        return new JsonDecodeException(message, position);
    }
}
