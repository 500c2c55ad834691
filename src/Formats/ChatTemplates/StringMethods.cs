using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Methods of str.</summary>
internal static class StringMethods
{
    private delegate object Method(RenderState state, string text, CallArguments arguments);

    private static readonly Dictionary<string, Method> Methods = new(StringComparer.Ordinal)
    {
        ["upper"] = (s, t, a) => NoArguments(a, TextCase.Upper(s, t)),
        ["lower"] = (s, t, a) => NoArguments(a, TextCase.Lower(s, t)),
        ["casefold"] = (s, t, a) => NoArguments(a, TextCase.Fold(s, t)),
        ["swapcase"] = (s, t, a) => NoArguments(a, TextCase.Swap(s, t)),
        ["capitalize"] = (s, t, a) => NoArguments(a, TextCase.Capitalize(s, t)),
        ["title"] = (s, t, a) => NoArguments(a, TextCase.Title(s, t)),
        ["strip"] = (s, t, a) => TextStrip.Strip(s, t, a.Bind("strip", 0, "chars")[0], left: true, right: true),
        ["lstrip"] = (s, t, a) => TextStrip.Strip(s, t, a.Bind("lstrip", 0, "chars")[0], left: true, right: false),
        ["rstrip"] = (s, t, a) => TextStrip.Strip(s, t, a.Bind("rstrip", 0, "chars")[0], left: false, right: true),
        ["split"] = (s, t, a) => TextSplit.Split(s, t, a.Bind("split", 0, "sep", "maxsplit"), fromRight: false),
        ["rsplit"] = (s, t, a) => TextSplit.Split(s, t, a.Bind("rsplit", 0, "sep", "maxsplit"), fromRight: true),
        ["splitlines"] = (s, t, a) => TextSplit.Lines(s, t, PythonTypes.Flag(a.Bind("splitlines", 0, "keepends")[0])),
        ["partition"] = (s, t, a) => TextSplit.Partition(s, t, a, fromRight: false),
        ["rpartition"] = (s, t, a) => TextSplit.Partition(s, t, a, fromRight: true),
        ["startswith"] = (s, t, a) => PythonTypes.Box(HasAffix(s, t, a, "startswith")),
        ["endswith"] = (s, t, a) => PythonTypes.Box(HasAffix(s, t, a, "endswith")),
        ["removeprefix"] = RemovePrefix,
        ["removesuffix"] = RemoveSuffix,
        ["replace"] = Replace,
        ["find"] = (s, t, a) => Find(s, t, a, "find", last: false),
        ["rfind"] = (s, t, a) => Find(s, t, a, "rfind", last: true),
        ["index"] = (s, t, a) => Found(Find(s, t, a, "index", last: false)),
        ["rindex"] = (s, t, a) => Found(Find(s, t, a, "rindex", last: true)),
        ["count"] = (s, t, a) => Count(s, t, a),
        ["join"] = (s, t, a) => Join(s, t, a),
        ["format"] = BraceFormat.Format,
        ["center"] = (s, t, a) => TextPadding.Pad(s, t, a, "center"),
        ["ljust"] = (s, t, a) => TextPadding.Pad(s, t, a, "ljust"),
        ["rjust"] = (s, t, a) => TextPadding.Pad(s, t, a, "rjust"),
        ["zfill"] = TextPadding.ZeroFill,
        ["expandtabs"] = TextPadding.ExpandTabs,
    };

    private static readonly string[] Unsupported = ["encode", "format_map", "isidentifier", "istitle", "maketrans", "translate"];

    /// <summary>The method bound to its string, or null when str has none of that name.</summary>
    public static PyCallable? Find(object target, string name)
    {
        if (TextPredicates.Find(name) is { } predicate)
        {
            return new PyFunction(name, (state, arguments) =>
            {
                PythonTypes.TryText(target, out string? text);
                state.Scan(text!.Length);
                return NoArguments(arguments, PythonTypes.Box(predicate(text)));
            });
        }

        if (!Methods.TryGetValue(name, out Method? method))
        {
            return Unsupported.Contains(name)
                ? new PyFunction(name, (_, _) => throw new TemplateException($"the string method '{name}' is not supported"))
                : null;
        }

        return new PyFunction(name, (state, arguments) =>
        {
            PythonTypes.TryText(target, out string? text);
            state.Scan(text!.Length);
            object result = method(state, text, arguments);
            return target is Markup ? Mark(result) : result;
        });
    }

    /// <summary>Python's separator.join(items).</summary>
    public static string Join(RenderState state, string separator, CallArguments arguments)
    {
        object items = arguments.Bind("join", 1, "iterable")[0]!;
        var result = new StringBuilder();
        bool isFirst = true;
        foreach (object item in PythonIteration.Iterate(state, items))
        {
            if (!isFirst)
            {
                state.Write(result, separator);
            }

            isFirst = false;
            state.Write(result, PythonTypes.RequireText(item, "an item to join"));
        }

        return result.ToString();
    }

    /// <summary>Python's replace; a negative count means all.</summary>
    public static string Replace(RenderState state, string text, string old, string with, int count)
    {
        count = count < 0 ? int.MaxValue : count;
        if (old.Length == 0)
        {
            return Intersperse(state, text, with, count);
        }

        var result = new StringBuilder();
        int position = 0;
        for (int at; count > 0 && (at = TextSearch.IndexOf(state, text, old, position)) >= 0; count--)
        {
            state.Write(result, text[position..at]);
            state.Write(result, with);
            position = at + old.Length;
        }

        if (position == 0)
        {
            return text;
        }

        state.Write(result, text[position..]);
        return result.ToString();
    }

    /// <summary>An empty text is found before every code point and at the end.</summary>
    private static string Intersperse(RenderState state, string text, string with, int count)
    {
        var result = new StringBuilder();
        int position = 0;
        while (position < text.Length && count-- > 0)
        {
            int width = CodePoints.WidthAt(text, position);
            state.Write(result, with);
            state.Write(result, text.Substring(position, width));
            position += width;
        }

        state.Write(result, position < text.Length ? text[position..] : count > 0 ? with : "");
        return result.ToString();
    }

    private static object Mark(object value) => value switch
    {
        string text => new Markup(text),
        List<object> list => list.ConvertAll(Mark),
        PyTuple tuple => new PyTuple(Array.ConvertAll(tuple.Items, Mark)),
        _ => value,
    };

    private static object NoArguments(CallArguments arguments, object value)
    {
        arguments.Bind("this method", 0);
        return value;
    }

    private static string Replace(RenderState state, string text, CallArguments arguments)
    {
        object?[] p = arguments.Bind("replace", 2, "old", "new", "count");
        int count = p[2] is null ? -1 : Math.Max(-1, PythonTypes.RequireInt(p[2]!, "replace's count"));
        string old = PythonTypes.RequireText(p[0]!, "replace's old");
        return Replace(state, text, old, PythonTypes.RequireText(p[1]!, "replace's new"), count);
    }

    private static string RemovePrefix(RenderState state, string text, CallArguments arguments)
    {
        string prefix = PythonTypes.RequireText(arguments.Bind("removeprefix", 1, "prefix")[0]!, "a prefix");
        return text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text;
    }

    private static string RemoveSuffix(RenderState state, string text, CallArguments arguments)
    {
        string suffix = PythonTypes.RequireText(arguments.Bind("removesuffix", 1, "suffix")[0]!, "a suffix");
        return text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text;
    }

    /// <summary>The offsets of text[start:end], or null when start lies behind the end of the text or behind end.</summary>
    private static (int From, int To)? Window(string text, object? start, object? end)
    {
        if (start is null or PyNone && end is null or PyNone)
        {
            return (0, text.Length);
        }

        int count = CodePoints.Count(text);
        int Place(object? bound, int absent)
        {
            if (bound is null or PyNone)
            {
                return absent;
            }

            int value = PythonTypes.RequireInt(bound, "a position in a text");
            return Math.Max(0, value < 0 ? value + count : value);
        }

        int from = Place(start, 0);
        int to = Math.Min(Place(end, count), count);
        return from > to ? null : (CodePoints.Offset(text, from), CodePoints.Offset(text, to));
    }

    private static bool HasAffix(RenderState state, string text, CallArguments arguments, string name)
    {
        object?[] p = arguments.Bind(name, 1, "affix", "start", "end");
        object[] affixes = p[0] is PyTuple tuple ? tuple.Items : [p[0]!];
        string[] texts = Array.ConvertAll(affixes, a => PythonTypes.RequireText(a, $"the argument of {name}"));
        if (Window(text, p[1], p[2]) is not var (from, to))
        {
            return false;
        }

        state.Step(texts.Length);
        return texts.Any(t => name == "startswith"
            ? text.AsSpan(from, to - from).StartsWith(t, StringComparison.Ordinal)
            : text.AsSpan(from, to - from).EndsWith(t, StringComparison.Ordinal));
    }

    private static long Find(RenderState state, string text, CallArguments arguments, string name, bool last)
    {
        object?[] p = arguments.Bind(name, 1, "sub", "start", "end");
        string sub = PythonTypes.RequireText(p[0]!, $"the argument of {name}");
        if (Window(text, p[1], p[2]) is not var (from, to))
        {
            return -1L;
        }

        string window = text[from..to];
        int at = last ? TextSearch.LastIndexOf(state, window, sub, window.Length) : TextSearch.IndexOf(state, window, sub, 0);
        return at < 0 ? -1L : CodePoints.Count(text.AsSpan(0, from + at));
    }

    private static long Found(long position) =>
        position < 0 ? throw new TemplateException("substring not found") : position;

    private static long Count(RenderState state, string text, CallArguments arguments)
    {
        object?[] p = arguments.Bind("count", 1, "sub", "start", "end");
        string sub = PythonTypes.RequireText(p[0]!, "the argument of count");
        if (Window(text, p[1], p[2]) is not var (from, to))
        {
            return 0L;
        }

        string window = text[from..to];
        if (sub.Length == 0)
        {
            return CodePoints.Count(window) + 1L;
        }

        long count = 0L;
        for (int at = TextSearch.IndexOf(state, window, sub, 0); at >= 0; at = TextSearch.IndexOf(state, window, sub, at + sub.Length))
        {
            count++;
        }

        return count;
    }
}
