using System.Globalization;
using System.Numerics;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>The tojson filter as transformers defines it: Python's json.dumps, non-ASCII text kept, no HTML escapes.</summary>
internal sealed class JsonText
{
    private readonly RenderState _state;
    private readonly StringBuilder _output = new();
    private readonly bool _ensureAscii;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;
    private readonly bool _sortKeys;

    private JsonText(RenderState state, object?[] options)
    {
        _state = state;
        _ensureAscii = PythonTypes.Flag(options[0]);
        if (options[1] is not null and not PyNone)
        {
            if (!PythonTypes.TryText(options[1]!, out _indent))
            {
                int width = Math.Max(0, PythonTypes.RequireInt(options[1]!, "tojson's indent"));
                state.Make(width);
                _indent = new string(' ', width);
            }
        }

        (_itemSeparator, _keySeparator) = (_indent is null ? ", " : ",", ": ");
        if (options[2] is not null and not PyNone)
        {
            if (PythonIteration.ToList(state, options[2]!) is not [string item, string key])
            {
                throw new TemplateException("tojson's separators must be two strings");
            }

            (_itemSeparator, _keySeparator) = (item, key);
        }

        _sortKeys = PythonTypes.Flag(options[3]);
    }

    /// <summary>Filter body; parameters ensure_ascii, indent, separators, sort_keys.</summary>
    public static object Filter(RenderState state, object value, CallArguments arguments)
    {
        var writer = new JsonText(state, arguments.Bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys"));
        writer.Write(value, 0);
        state.Make(writer._output.Length);
        return writer._output.ToString();
    }

    private void Write(object value, int depth)
    {
        _state.Step();
        if (depth > TemplateLimits.ValueDepth)
        {
            throw new TemplateException($"a value is nested deeper than {TemplateLimits.ValueDepth}");
        }

        switch (value)
        {
            case PyNone:
                _output.Append("null");
                break;
            case bool b:
                _output.Append(b ? "true" : "false");
                break;
            case long or BigInteger:
                _output.Append(PythonText.Repr(_state, value));
                break;
            case double d:
                _output.Append(Float(d));
                break;
            case List<object> list:
                WriteItems('[', ']', list, depth, item => Write(item, depth + 1));
                break;
            case PyTuple tuple:
                WriteItems('[', ']', tuple.Items, depth, item => Write(item, depth + 1));
                break;
            case PyDict dict:
                var pairs = dict.ToList();
                if (_sortKeys)
                {
                    pairs = PythonOrdering.Sort(_state, pairs, p => p.Key, reverse: false);
                }

                WriteItems('{', '}', pairs, depth, p =>
                {
                    WriteString(Key(p.Key));
                    _output.Append(_keySeparator);
                    Write(p.Value, depth + 1);
                });
                break;
            default:
                WriteString(PythonTypes.TryText(value, out string? text)
                    ? text
                    : throw new TemplateException($"object of type {PythonTypes.Name(value)} is not JSON serializable"));
                break;
        }

        CheckLength();
    }

    private void WriteItems<T>(char open, char close, IReadOnlyCollection<T> items, int depth, Action<T> write)
    {
        _output.Append(open);
        bool isFirst = true;
        foreach (T? item in items)
        {
            if (!isFirst)
            {
                _output.Append(_itemSeparator);
            }

            isFirst = false;
            NewLine(depth + 1);
            write(item);
        }

        if (items.Count > 0)
        {
            NewLine(depth);
        }

        _output.Append(close);
    }

    private void NewLine(int depth)
    {
        if (_indent is null)
        {
            return;
        }

        _output.Append('\n');
        for (int i = 0; i < depth; i++)
        {
            _output.Append(_indent);
            CheckLength();
        }
    }

    /// <summary>Between two checks at most one string is written.</summary>
    private void CheckLength()
    {
        if (_output.Length > TemplateLimits.TextCharacters)
        {
            throw new TemplateException($"a text is longer than {TemplateLimits.TextCharacters} characters");
        }
    }

    private string Key(object key) => key switch
    {
        PyNone => "null",
        bool b => b ? "true" : "false",
        double d => Float(d),
        long or BigInteger => PythonText.Repr(_state, key),
        _ => PythonTypes.TryText(key, out string? text)
            ? text
            : throw new TemplateException($"keys must be str, int, float, bool or None, not {PythonTypes.Name(key)}"),
    };

    private void WriteString(string text)
    {
        _state.Scan(text.Length);
        _output.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => _output.Append("\\\""),
                '\\' => _output.Append("\\\\"),
                '\n' => _output.Append("\\n"),
                '\r' => _output.Append("\\r"),
                '\t' => _output.Append("\\t"),
                '\f' => _output.Append("\\f"),
                '\b' => _output.Append("\\b"),
                _ when c < ' ' || (_ensureAscii && c >= 0x7F) =>
                    _output.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture)),
                _ => _output.Append(c),
            };
        }

        _output.Append('"');
    }

    private static string Float(double value) => double.IsFinite(value)
        ? PythonText.Float(value)
        : double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}
