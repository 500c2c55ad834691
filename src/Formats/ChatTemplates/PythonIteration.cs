namespace Rm.Formats.ChatTemplates;

/// <summary>Python's iter(), len() and membership.</summary>
internal static class PythonIteration
{
    /// <summary>Items of a value, each counted as a step; null when the value cannot be iterated.</summary>
    public static IEnumerable<object>? TryIterate(RenderState state, object value)
    {
        IEnumerable<object>? items = value switch
        {
            List<object> list => list,
            PyTuple tuple => tuple.Items,
            PyDict dict => dict.Keys,
            PyDictView view => view.Items,
            PyRange range => Enumerable.Range(0, range.Length).Select(i => (object)range[i]),
            PyGenerator generator => generator.Rest(),
            LoopContext loop => loop.Items(),
            Undefined => [],
            _ when PythonTypes.TryText(value, out string? text) => CodePoints.Each(text),
            _ => null,
        };
        return items is null ? null : Counted(state, items);
    }

    /// <summary>Items of a value; throws when it cannot be iterated.</summary>
    public static IEnumerable<object> Iterate(RenderState state, object value) =>
        TryIterate(state, value) ?? throw new TemplateException($"'{PythonTypes.Name(value)}' object is not iterable");

    /// <summary>Python's list(value).</summary>
    public static List<object> ToList(RenderState state, object value) => [.. Iterate(state, value)];

    /// <summary>Python's len(value), or -1 where there is none.</summary>
    public static int TryLength(RenderState state, object value)
    {
        switch (value)
        {
            case List<object> list:
                return list.Count;
            case PyTuple tuple:
                return tuple.Items.Length;
            case PyDict dict:
                return dict.Count;
            case PyDictView view:
                return view.Dict.Count;
            case PyRange range:
                return range.Length;
            case LoopContext loop:
                return loop.Length;
            case Undefined:
                return 0;
            default:
                if (!PythonTypes.TryText(value, out string? text))
                {
                    return -1;
                }

                state.Scan(text.Length);
                return CodePoints.Count(text);
        }
    }

    /// <summary>Python's <c>item in container</c>.</summary>
    public static bool Contains(RenderState state, object container, object item)
    {
        if (PythonTypes.TryText(container, out string? text))
        {
            return TextSearch.IndexOf(state, text, PythonTypes.RequireText(item, "left operand of 'in <string>'"), 0) >= 0;
        }

        switch (container)
        {
            case PyDict dict:
                return dict.ContainsKey(PythonEquality.RequireHashable(state, item));
            case PyDictView { Kind: "keys" } view:
                return view.Dict.ContainsKey(PythonEquality.RequireHashable(state, item));
        }

        IEnumerable<object> items = TryIterate(state, container)
            ?? throw new TemplateException($"argument of type '{PythonTypes.Name(container)}' is not iterable");
        foreach (object candidate in items)
        {
            if (ReferenceEquals(candidate, item) || PythonOrdering.AreEqual(state, candidate, item))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<object> Counted(RenderState state, IEnumerable<object> items)
    {
        foreach (object item in items)
        {
            state.Step();
            yield return item;
        }
    }
}
