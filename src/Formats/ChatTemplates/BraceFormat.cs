using System.Globalization;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's <c>'{} {name[key]!r:>8}'.format(...)</c>; attributes go through the sandbox.</summary>
internal static class BraceFormat
{
    public static string Format(RenderState state, string format, CallArguments arguments)
    {
        var result = new StringBuilder();

        // Fields without a number so far; -1 once one has a number.
        int automatic = 0;
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            if (c is not ('{' or '}'))
            {
                result.Append(c);
            }
            else if (i + 1 < format.Length && format[i + 1] == c)
            {
                result.Append(c);
                i++;
            }
            else
            {
                int close = c == '{' ? format.IndexOf('}', i) : -1;
                if (close < 0)
                {
                    throw new TemplateException($"single '{c}' encountered in format string");
                }

                result.Append(Field(state, format[(i + 1)..close], arguments, ref automatic));
                i = close;
            }

            if (result.Length > TemplateLimits.TextCharacters)
            {
                throw new TemplateException($"a text is longer than {TemplateLimits.TextCharacters} characters");
            }
        }

        state.Make(result.Length);
        return result.ToString();
    }

    private static string Field(RenderState state, string field, CallArguments arguments, ref int automatic)
    {
        if (field.Contains('{', StringComparison.Ordinal))
        {
            throw new TemplateException("a format inside a format is not supported");
        }

        int colon = field.IndexOf(':', StringComparison.Ordinal);
        string spec = colon < 0 ? "" : field[(colon + 1)..];
        string name = colon < 0 ? field : field[..colon];
        int bang = name.IndexOf('!', StringComparison.Ordinal);
        string conversion = bang < 0 ? "" : name[(bang + 1)..];
        object value = Value(state, bang < 0 ? name : name[..bang], arguments, ref automatic);
        value = conversion switch
        {
            "" => value,
            "s" => PythonText.Str(state, value),
            "r" => Represent(state, value),
            _ => throw new TemplateException($"unknown conversion '{conversion}' in a format string"),
        };
        if (spec.Length == 0)
        {
            return PythonText.Str(state, value);
        }

        var layout = FormatSpec.Parse(spec);
        bool isFloat = "eEfFgG%".Contains(layout.Type, StringComparison.Ordinal);
        if (value is double || (PythonArithmetic.IsInteger(value) && isFloat))
        {
            return layout.Type is 'd' or 'x' or 'X' or 'o' or 'b' or 's'
                ? throw new TemplateException($"format code '{layout.Type}' is not for a float")
                : layout.Float(state, PythonArithmetic.ToDouble(value));
        }

        if (PythonArithmetic.IsInteger(value) && layout.Type != 's' && !(value is bool && layout.Type == '\0'))
        {
            return layout.Integer(state, PythonArithmetic.ToBig(value));
        }

        return PythonTypes.TryText(value, out string? text) && layout.Type is '\0' or 's'
            ? layout.Text(state, text!)
            : throw new TemplateException($"a format specifier does not fit a {PythonTypes.Name(value)}");
    }

    private static string Represent(RenderState state, object value)
    {
        if (!PythonTypes.TryText(value, out string? text))
        {
            return PythonText.Repr(state, value);
        }

        var builder = new StringBuilder();
        PythonText.AppendQuoted(builder, text);
        return builder.ToString();
    }

    private static object Value(RenderState state, string path, CallArguments arguments, ref int automatic)
    {
        int end = path.AsSpan().IndexOfAny('.', '[') is var i and >= 0 ? i : path.Length;
        string name = path[..end];
        object? value;
        if (name.Length == 0 || name.All(char.IsAsciiDigit))
        {
            if (name.Length == 0 ? automatic < 0 : automatic > 0)
            {
                throw new TemplateException("a format has fields with and without numbers");
            }

            automatic += name.Length == 0 ? 1 : 0;
            int index = name.Length == 0 ? automatic - 1
                : int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : int.MaxValue;
            automatic = name.Length == 0 ? automatic : -1;
            value = index < arguments.Positional.Length ? arguments.Positional[index] : null;
        }
        else
        {
            value = arguments.Keywords is not null && arguments.Keywords.TryGetValue(name, out object? given) ? given : null;
        }

        value = value ?? throw new TemplateException($"the format field '{name}' has no value");
        while (end < path.Length)
        {
            bool isItem = path[end] == '[';
            if (!isItem && path[end] != '.')
            {
                throw new TemplateException("only '.' or '[' may follow ']' in a format field");
            }

            int stop = isItem ? path.IndexOf(']', end) : path.IndexOfAny(['.', '['], end + 1) is var j and >= 0 ? j : path.Length;
            if (stop < 0)
            {
                throw new TemplateException("expected ']' in a format field");
            }

            string part = path[(end + 1)..stop];
            object key = int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? (long)number : part;
            value = isItem ? PythonAccess.GetItem(state, value, key) : PythonAccess.GetAttribute(state, value, part);
            end = isItem ? stop + 1 : stop;
        }

        return value;
    }
}
