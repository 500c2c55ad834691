namespace Rm.Formats.ChatTemplates;

/// <summary>str.split, rsplit, splitlines, partition and rpartition.</summary>
internal static class TextSplit
{
    /// <summary>Parts between separators, or between runs of whitespace; <paramref name="options"/> are sep and maxsplit.</summary>
    public static List<object> Split(RenderState state, string text, object?[] options, bool fromRight)
    {
        int limit = options[1] is null ? -1 : PythonTypes.RequireInt(options[1]!, "maxsplit");
        limit = limit < 0 ? int.MaxValue : limit;
        state.Make(text.Length);
        List<object> parts;
        if (options[0] is null or PyNone)
        {
            parts = fromRight ? WordsFromRight(state, text, limit) : Words(state, text, limit);
        }
        else
        {
            string separator = PythonTypes.RequireText(options[0]!, "the separator");
            if (separator.Length == 0)
            {
                throw new TemplateException("empty separator");
            }

            parts = fromRight ? PartsFromRight(state, text, separator, limit) : Parts(state, text, separator, limit);
        }

        return parts;
    }

    /// <summary>Lines, with their ends where asked.</summary>
    public static List<object> Lines(RenderState state, string text, bool keepEnds)
    {
        var lines = new List<object>();
        state.Make(text.Length);
        for (int start = 0; start < text.Length;)
        {
            int end = start;
            while (end < text.Length && !CodePoints.IsLineEnd(text[end]))
            {
                end++;
            }

            int next = end >= text.Length ? end : end + (text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? 2 : 1);
            state.Step();
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }

        return lines;
    }

    /// <summary>The part before the separator, the separator, the part after.</summary>
    public static PyTuple Partition(RenderState state, string text, CallArguments arguments, bool fromRight)
    {
        string separator = PythonTypes.RequireText(arguments.Bind("partition", 1, "sep")[0]!, "the separator");
        if (separator.Length == 0)
        {
            throw new TemplateException("empty separator");
        }

        int at = fromRight ? TextSearch.LastIndexOf(state, text, separator, text.Length) : TextSearch.IndexOf(state, text, separator, 0);
        state.Make(text.Length);
        return at >= 0 ? new PyTuple(text[..at], separator, text[(at + separator.Length)..])
            : fromRight ? new PyTuple("", "", text) : new PyTuple(text, "", "");
    }

    private static List<object> Parts(RenderState state, string text, string separator, int limit)
    {
        var parts = new List<object>();
        int start = 0;
        for (int at; parts.Count < limit && (at = TextSearch.IndexOf(state, text, separator, start)) >= 0; start = at + separator.Length)
        {
            state.Step();
            parts.Add(text[start..at]);
        }

        parts.Add(text[start..]);
        return parts;
    }

    private static List<object> PartsFromRight(RenderState state, string text, string separator, int limit)
    {
        var parts = new List<object>();
        int end = text.Length;
        for (int at; parts.Count < limit && (at = TextSearch.LastIndexOf(state, text, separator, end)) >= 0; end = at)
        {
            state.Step();
            parts.Add(text[(at + separator.Length)..end]);
        }

        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    private static List<object> Words(RenderState state, string text, int limit)
    {
        var parts = new List<object>();
        for (int i = 0; ;)
        {
            while (i < text.Length && CodePoints.IsSpace(text[i]))
            {
                i++;
            }

            if (i == text.Length)
            {
                return parts;
            }

            state.Step();
            if (parts.Count == limit)
            {
                parts.Add(text[i..]);
                return parts;
            }

            int start = i;
            while (i < text.Length && !CodePoints.IsSpace(text[i]))
            {
                i++;
            }

            parts.Add(text[start..i]);
        }
    }

    private static List<object> WordsFromRight(RenderState state, string text, int limit)
    {
        var parts = new List<object>();
        for (int i = text.Length; ;)
        {
            while (i > 0 && CodePoints.IsSpace(text[i - 1]))
            {
                i--;
            }

            if (i == 0)
            {
                break;
            }

            state.Step();
            if (parts.Count == limit)
            {
                parts.Add(text[..i]);
                break;
            }

            int end = i;
            while (i > 0 && !CodePoints.IsSpace(text[i - 1]))
            {
                i--;
            }

            parts.Add(text[i..end]);
        }

        parts.Reverse();
        return parts;
    }
}
