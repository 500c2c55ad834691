using System.Globalization;
using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// Attributes and items as the immutable sandbox gives them: methods that change an object and names with a leading underscore are
/// undefined; <c>a.b</c> falls back to <c>a['b']</c> and the other way round.
/// </summary>
internal static class PythonAccess
{
    /// <summary>The value of <c>target.name</c>.</summary>
    public static object GetAttribute(RenderState state, object target, string name)
    {
        if (target is Undefined undefined)
        {
            throw undefined.Error();
        }

        if (Attribute(target, name) is { } attribute)
        {
            return attribute;
        }

        return TryItem(state, target, name) ?? Missing(target, name);
    }

    /// <summary>The value of <c>target[key]</c>.</summary>
    public static object GetItem(RenderState state, object target, object key)
    {
        if (target is Undefined undefined)
        {
            throw undefined.Error();
        }

        if (TryItem(state, target, key) is { } value)
        {
            return value;
        }

        if (PythonTypes.TryText(key, out string? name))
        {
            return Attribute(target, name) ?? Missing(target, name);
        }

        string shown = key is long or bool ? PythonText.Repr(state, key) : PythonTypes.Name(key);
        return new Undefined($"{PythonTypes.Name(target)} object has no element {shown}");
    }

    /// <summary>A path like <c>function.name</c> or <c>0.id</c>, as the attribute arguments of filters spell it.</summary>
    public static object GetPath(RenderState state, object target, string path, object? fallback = null)
    {
        foreach (string part in path.Split('.'))
        {
            target = GetItem(state, target, PathPart(part));
            target = target is Undefined && fallback is not null ? fallback : target;
        }

        return target;
    }

    private static object PathPart(string part) =>
        long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long index)
            ? index
            : part;

    /// <summary>What Python's getattr finds, or null.</summary>
    public static object? Attribute(object target, string name)
    {
        if (name.StartsWith('_'))
        {
            // Every object has __class__ and its like; the sandbox hides them.
            return name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal) && target is not PyDict
                ? Unsafe(target, name)
                : null;
        }

        return target switch
        {
            PyDict dict => DictMethods.Find(dict, name),
            List<object> list => SequenceMethods.Find(list, name),
            PyTuple tuple => SequenceMethods.Find(tuple, name),
            PyRange range => SequenceMethods.Find(range, name),
            PyNamespace space => space.Attributes.TryGetValue(name, out object? value) ? value : null,
            LoopContext loop => loop.Attribute(name),
            Cycler cycler => cycler.Attribute(name),
            Macro macro => macro.Attribute(name),
            long or BigInteger or bool when name is "real" or "numerator" => PythonArithmetic.Add(target, 0L),
            long or BigInteger or bool when name is "imag" or "denominator" => name == "imag" ? 0L : 1L,
            double when name == "real" => target,
            double when name == "imag" => 0.0,
            _ when PythonTypes.TryText(target, out _) => StringMethods.Find(target, name),
            _ => null,
        };
    }

    /// <summary>What Python's target[key] finds, or null for a missing or impossible key.</summary>
    private static object? TryItem(RenderState state, object target, object key)
    {
        switch (target)
        {
            case PyDict dict:
                if (key is List<object> or PyDict)
                {
                    return null;
                }

                return dict.TryGetValue(PythonEquality.RequireHashable(state, key), out object? value) ? value : null;
            case List<object> list:
                return Index(key, list.Count) is var i and >= 0 ? list[i] : null;
            case PyTuple tuple:
                return Index(key, tuple.Items.Length) is var j and >= 0 ? tuple.Items[j] : null;
            case PyRange range:
                return Index(key, range.Length) is var k and >= 0 ? range[k] : null;
            default:
                if (!PythonTypes.TryText(target, out string? text) || key is not (long or bool))
                {
                    return null;
                }

                state.Scan(text.Length);
                int at = Index(key, CodePoints.Count(text));
                if (at < 0)
                {
                    return null;
                }

                int offset = CodePoints.Offset(text, at);
                string point = text.Substring(offset, CodePoints.WidthAt(text, offset));
                return target is Markup ? new Markup(point) : point;
        }
    }

    private static int Index(object key, int count)
    {
        long index = key switch
        {
            long n => n,
            bool b => b ? 1L : 0L,
            _ => long.MinValue,
        };
        index = index < 0 && index >= -count ? index + count : index;
        return index >= 0 && index < count ? (int)index : -1;
    }

    private static Undefined Missing(object target, string name) =>
        new($"'{PythonTypes.Name(target)} object' has no attribute '{name}'");

    /// <summary>An attribute that exists but that the sandbox hides.</summary>
    public static Undefined Unsafe(object target, string name) =>
        new($"access to attribute '{name}' of '{PythonTypes.Name(target)}' object is unsafe");
}
