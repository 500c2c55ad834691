using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Filters whose result is a text.</summary>
internal static class TextFilters
{
    public static object Upper(RenderState state, object value, CallArguments arguments) =>
        Change(state, value, arguments, "upper", TextCase.Upper);

    public static object Lower(RenderState state, object value, CallArguments arguments) =>
        Change(state, value, arguments, "lower", TextCase.Lower);

    public static object Capitalize(RenderState state, object value, CallArguments arguments) =>
        Change(state, value, arguments, "capitalize", TextCase.Capitalize);

    public static object Title(RenderState state, object value, CallArguments arguments) =>
        Change(state, value, arguments, "title", Title);

    public static object Trim(RenderState state, object value, CallArguments arguments)
    {
        object? chars = arguments.Bind("trim", 0, "chars")[0];
        return Keep(value, TextStrip.Strip(state, PythonText.Str(state, value), chars, left: true, right: true));
    }

    public static object Center(RenderState state, object value, CallArguments arguments)
    {
        int width = arguments.Bind("center", 0, "width")[0] is { } given ? PythonTypes.RequireInt(given, "center's width") : 80;
        return Keep(value, TextPadding.Pad(state, PythonText.Str(state, value), width, ' ', "center"));
    }

    /// <summary>The value as a plain text; Markup stays what it is.</summary>
    public static object ToText(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("string", 0);
        return value is Markup ? value : PythonText.Str(state, value);
    }

    public static object Safe(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("safe", 0);
        return value as Markup ?? new Markup(PythonText.Str(state, value));
    }

    public static object Escape(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("escape", 0);
        return value as Markup ?? new Markup(HtmlEscape.Escape(state, PythonText.Str(state, value)));
    }

    public static object ForceEscape(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("forceescape", 0);
        return new Markup(HtmlEscape.Escape(state, PythonText.Str(state, value)));
    }

    public static object Join(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("join", 0, "d", "attribute");
        string separator = p[0] is null ? "" : PythonText.Str(state, p[0]!);
        var attribute = AttributePath.Of(p[1]);
        var result = new StringBuilder();
        bool isFirst = true;
        foreach (object item in PythonIteration.Iterate(state, value))
        {
            if (!isFirst)
            {
                state.Write(result, separator);
            }

            isFirst = false;
            state.Write(result, PythonText.Str(state, attribute.Get(state, item)));
        }

        return result.ToString();
    }

    public static object Replace(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("replace", 2, "old", "new", "count");
        int count = p[2] is null or PyNone ? -1 : Math.Max(-1, PythonTypes.RequireInt(p[2]!, "replace's count"));
        string text = PythonText.Str(state, value);
        return StringMethods.Replace(state, text, PythonText.Str(state, p[0]!), PythonText.Str(state, p[1]!), count);
    }

    public static object Indent(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("indent", 0, "width", "first", "blank");
        string text = PythonTypes.RequireText(value, "the input of indent");
        string? indent = null;
        if (p[0] is null || !PythonTypes.TryText(p[0]!, out indent))
        {
            int width = p[0] is null ? 4 : Math.Max(0, PythonTypes.RequireInt(p[0]!, "indent's width"));
            state.Make(width);
            indent = new string(' ', width);
        }

        bool blank = PythonTypes.Flag(p[2]);
        var result = new StringBuilder();
        List<object> lines = TextSplit.Lines(state, text + "\n", keepEnds: false);
        for (int i = 0; i < lines.Count; i++)
        {
            string line = (string)lines[i];
            state.Write(result, i > 0 ? "\n" : "");
            state.Write(result, i == 0 ? (PythonTypes.Flag(p[1]) ? indent : "") : blank || line.Length > 0 ? indent : "");
            state.Write(result, line);
        }

        return Keep(value, result.ToString());
    }

    public static object Truncate(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("truncate", 0, "length", "killwords", "end", "leeway");
        int length = p[0] is null ? 255 : PythonTypes.RequireInt(p[0]!, "truncate's length");
        string end = p[2] is null ? "..." : PythonTypes.RequireText(p[2]!, "truncate's end");
        int leeway = p[3] is null or PyNone ? 5 : PythonTypes.RequireInt(p[3]!, "truncate's leeway");
        int kept = length - CodePoints.Count(end);
        if (kept < 0 || leeway < 0)
        {
            throw new TemplateException("truncate needs a length of at least that of its end, and a leeway of at least 0");
        }

        // Any value with a length passes when it is short; only a text can be cut.
        if (PythonIteration.TryLength(state, value) is var size && size >= 0 && size <= (long)length + leeway)
        {
            return value;
        }

        string text = PythonTypes.RequireText(value, "the input of truncate");
        text = text[..CodePoints.Offset(text, kept)];
        int space = PythonTypes.Flag(p[1]) ? -1 : text.LastIndexOf(' ');
        text = (space < 0 ? text : text[..space]) + end;
        state.Make(text.Length);
        return Keep(value, text);
    }

    public static object Format(RenderState state, object value, CallArguments arguments)
    {
        if (arguments.Positional.Length > 0 && arguments.KeywordCount > 0)
        {
            throw new TemplateException("format takes positional or keyword arguments, not both");
        }

        object values = arguments.KeywordCount > 0 ? arguments.Keywords! : new PyTuple(arguments.Positional);
        return Keep(value, PercentFormat.Format(state, PythonText.Str(state, value), values));
    }

    public static object WordCount(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("wordcount", 0);
        string text = PythonText.Str(state, value);
        state.Make(text.Length * 2L);
        (long words, bool isInside) = (0L, false);
        foreach (int point in CodePoints.ToArray(text))
        {
            bool isWord = point == '_' || TextPredicates.IsAlphanumeric(point);
            words += isWord && !isInside ? 1 : 0;
            isInside = isWord;
        }

        return words;
    }

    private static object Change(
        RenderState state, object value, CallArguments arguments, string name, Func<RenderState, string, string> change)
    {
        arguments.Bind(name, 0);
        return Keep(value, change(state, PythonText.Str(state, value)));
    }

    /// <summary>Markup in, Markup out.</summary>
    private static object Keep(object value, string text) => value is Markup ? new Markup(text) : text;

    /// <summary>Capitalizes what follows a blank, a hyphen or an opening bracket, and lowers the rest.</summary>
    private static string Title(RenderState state, string text)
    {
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length;)
        {
            int start = i;
            while (i < text.Length && !IsBoundary(text[i]))
            {
                i++;
            }

            result.Append(TextCase.UpperFirst(state, text[start..i]));
            for (; i < text.Length && IsBoundary(text[i]); i++)
            {
                result.Append(text[i]);
            }
        }

        return result.ToString();
    }

    private static bool IsBoundary(char c) => c is '-' or '(' or '{' or '[' or '<' || CodePoints.IsSpace(c);
}
