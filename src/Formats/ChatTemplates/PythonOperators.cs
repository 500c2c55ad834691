using System.Numerics;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's operators over all types.</summary>
internal static class PythonOperators
{
    public static object Binary(RenderState state, string symbol, object x, object y)
    {
        if (symbol == "%" && PythonTypes.TryText(x, out string? format))
        {
            string formatted = PercentFormat.Format(state, format, y);
            return x is Markup ? new Markup(formatted) : formatted;
        }

        if ((x as Undefined ?? y as Undefined) is { } undefined)
        {
            throw undefined.Error();
        }

        if (PythonArithmetic.IsNumber(x) && PythonArithmetic.IsNumber(y))
        {
            return symbol switch
            {
                "+" => PythonArithmetic.Add(x, y),
                "-" => PythonArithmetic.Subtract(x, y),
                "*" => PythonArithmetic.Multiply(x, y),
                "/" => PythonArithmetic.Divide(x, y),
                "//" => PythonArithmetic.FloorDivide(x, y),
                "%" => PythonArithmetic.Modulo(x, y),
                _ => PythonArithmetic.Power(x, y),
            };
        }

        return (symbol switch
        {
            "+" => Concatenate(state, x, y),
            "*" => PythonArithmetic.IsInteger(x) ? Repeat(state, y, x) : PythonArithmetic.IsInteger(y) ? Repeat(state, x, y) : null,
            _ => null,
        }) ?? throw new TemplateException(
            $"unsupported operand types for {symbol}: '{PythonTypes.Name(x)}' and '{PythonTypes.Name(y)}'");
    }

    public static bool Holds(RenderState state, string symbol, object x, object y) => symbol switch
    {
        "==" => PythonOrdering.AreEqual(state, x, y),
        "!=" => !PythonOrdering.AreEqual(state, x, y),
        "in" => PythonIteration.Contains(state, y, x),
        "not in" => !PythonIteration.Contains(state, y, x),
        "<" => PythonOrdering.Compare(state, x, y, symbol) < 0,
        "<=" => PythonOrdering.Compare(state, x, y, symbol) <= 0,
        ">" => PythonOrdering.Compare(state, x, y, symbol) > 0,
        _ => PythonOrdering.Compare(state, x, y, symbol) >= 0,
    };

    private static object? Concatenate(RenderState state, object x, object y)
    {
        if (x is string a && y is string b)
        {
            state.Make((long)a.Length + b.Length);
            return a + b;
        }

        if (PythonTypes.TryText(x, out string? left) && PythonTypes.TryText(y, out string? right))
        {
            left = x is Markup ? left : HtmlEscape.Escape(state, left);
            right = y is Markup ? right : HtmlEscape.Escape(state, right);
            state.Make((long)left.Length + right.Length);
            return new Markup(left + right);
        }

        switch (x, y)
        {
            case (List<object> l, List<object> r):
                state.Step(l.Count + r.Count);
                return new List<object>([.. l, .. r]);
            case (PyTuple l, PyTuple r):
                state.Step(l.Items.Length + r.Items.Length);
                return new PyTuple([.. l.Items, .. r.Items]);
            default:
                return null;
        }
    }

    private static object? Repeat(RenderState state, object value, object count)
    {
        if (count is BigInteger)
        {
            throw new TemplateException("a repetition count is longer than 64 bits");
        }

        int times = Math.Max(0, PythonTypes.RequireInt(count, "a repetition count"));
        if (PythonTypes.TryText(value, out string? text))
        {
            state.Make((long)text.Length * times);
            string repeated = text.Length == 0 ? "" : new StringBuilder(text.Length * times).Insert(0, text, times).ToString();
            return value is Markup ? new Markup(repeated) : repeated;
        }

        object[]? items = (value as List<object>)?.ToArray() ?? (value as PyTuple)?.Items;
        if (items is null)
        {
            return null;
        }

        state.Step((int)Math.Min((long)items.Length * times, int.MaxValue / 2));
        object[] result = new object[items.Length * times];
        for (int i = 0; i < times && items.Length > 0; i++)
        {
            items.CopyTo(result, i * items.Length);
        }

        return value is List<object> ? new List<object>(result) : new PyTuple(result);
    }
}
