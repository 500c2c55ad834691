namespace Rm.Formats.ChatTemplates;

/// <summary>Filters over the items of a value.</summary>
internal static class SequenceFilters
{
    public static object Length(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("length", 0);
        int length = PythonIteration.TryLength(state, value);
        return length >= 0 ? (long)length : throw new TemplateException($"object of type '{PythonTypes.Name(value)}' has no length");
    }

    public static object ToList(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("list", 0);
        return PythonIteration.ToList(state, value);
    }

    public static object First(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("first", 0);
        return PythonIteration.Iterate(state, value).FirstOrDefault(new Undefined("No first item, sequence was empty."));
    }

    public static object Last(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("last", 0);
        return Reversed(state, value) is { } items
            ? items.FirstOrDefault(new Undefined("No last item, sequence was empty."))
            : throw new TemplateException($"'{PythonTypes.Name(value)}' object is not reversible");
    }

    public static object Reverse(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("reverse", 0);
        if (PythonTypes.TryText(value, out _))
        {
            return PythonSlice.Get(state, value, null, null, -1L);
        }

        if (Reversed(state, value) is { } items)
        {
            return new PyGenerator(items);
        }

        var list = PythonIteration.ToList(state, value);
        list.Reverse();
        return list;
    }

    public static object Items(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("items", 0);
        return new PyGenerator(ItemPairs(value));
    }

    public static object Sort(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("sort", 0, "reverse", "case_sensitive", "attribute");
        bool isCaseSensitive = PythonTypes.Flag(p[1]);
        AttributePath[] paths = p[2] is not null && PythonTypes.TryText(p[2]!, out string? names)
            ? Array.ConvertAll(names.Split(','), name => AttributePath.Of(name))
            : [AttributePath.Of(p[2])];
        return PythonOrdering.Sort(
            state, PythonIteration.Iterate(state, value),
            item => new PyTuple(Array.ConvertAll(paths, path => path.GetKey(state, item, isCaseSensitive))), PythonTypes.Flag(p[0]));
    }

    public static object DictSort(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("dictsort", 0, "case_sensitive", "by", "reverse");
        PyDict dict = value as PyDict ?? throw (value as Undefined)?.Error() ?? new TemplateException("dictsort needs a dict");
        string by = p[1] is null ? "key" : PythonTypes.RequireText(p[1]!, "dictsort's by");
        if (by is not ("key" or "value"))
        {
            throw new TemplateException("dictsort sorts by key or by value");
        }

        var half = AttributePath.Of(by == "key" ? 0L : 1L);
        return PythonOrdering.Sort(
            state, PythonIteration.Iterate(state, new PyDictView(dict, "items")),
            pair => half.GetKey(state, pair, PythonTypes.Flag(p[0])), PythonTypes.Flag(p[2]));
    }

    public static object Unique(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("unique", 0, "case_sensitive", "attribute");
        return new PyGenerator(UniqueItems(state, value, AttributePath.Of(p[1]), PythonTypes.Flag(p[0])));
    }

    public static object Min(RenderState state, object value, CallArguments arguments) => Extreme(state, value, arguments, "min", -1);

    public static object Max(RenderState state, object value, CallArguments arguments) => Extreme(state, value, arguments, "max", 1);

    public static object GroupBy(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("groupby", 1, "attribute", "default", "case_sensitive");
        var path = AttributePath.Of(p[0], p[1]);
        bool isCaseSensitive = PythonTypes.Flag(p[2]);
        object Key(object item) => path.GetKey(state, item, isCaseSensitive);
        var groups = new List<object>();
        object? last = null;
        foreach (object? item in PythonOrdering.Sort(state, PythonIteration.Iterate(state, value), Key, reverse: false))
        {
            object key = Key(item);
            if (last is null || !PythonOrdering.AreEqual(state, last, key))
            {
                groups.Add(new GroupTuple(path.Get(state, item), []));
            }

            last = key;
            ((List<object>)((GroupTuple)groups[^1]).Items[1]).Add(item);
        }

        return groups;
    }

    public static object Batch(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("batch", 1, "linecount", "fill_with");
        return new PyGenerator(BatchItems(state, value, PythonTypes.RequireInt(p[0]!, "batch's linecount"), Fill(p[1])));
    }

    public static object Slice(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("slice", 1, "slices", "fill_with");
        return new PyGenerator(SliceItems(state, value, PythonTypes.RequireInt(p[0]!, "slice's slices"), Fill(p[1])));
    }

    private static object? Fill(object? value) => value is PyNone ? null : value;

    private static IEnumerable<object>? Reversed(RenderState state, object value) => value is PyGenerator or LoopContext
        ? null
        : PythonIteration.TryIterate(state, value)?.Reverse();

    private static IEnumerable<object> ItemPairs(object value)
    {
        if (value is Undefined)
        {
            return [];
        }

        return value is PyDict dict
            ? new PyDictView(dict, "items").Items
            : Failing();

        // The original is a generator too: it fails when it is read.
        static IEnumerable<object> Failing() => Enumerable.Range(0, 1).Select<int, object>(
            _ => throw new TemplateException("items needs a dict"));
    }

    private static IEnumerable<object> UniqueItems(RenderState state, object value, AttributePath path, bool isCaseSensitive)
    {
        var seen = new HashSet<object>(PythonEquality.Instance);
        foreach (object item in PythonIteration.Iterate(state, value))
        {
            if (seen.Add(PythonEquality.RequireHashable(state, path.GetKey(state, item, isCaseSensitive))))
            {
                yield return item;
            }
        }
    }

    private static object Extreme(RenderState state, object value, CallArguments arguments, string name, int sign)
    {
        object?[] p = arguments.Bind(name, 0, "case_sensitive", "attribute");
        var path = AttributePath.Of(p[1]);
        object? best = null, bestKey = null;
        foreach (object item in PythonIteration.Iterate(state, value))
        {
            object key = path.GetKey(state, item, PythonTypes.Flag(p[0]));
            if (bestKey is null || PythonOrdering.Compare(state, key, bestKey, sign < 0 ? "<" : ">") * sign > 0)
            {
                (best, bestKey) = (item, key);
            }
        }

        return best ?? new Undefined("No aggregated item, sequence was empty.");
    }

    private static IEnumerable<object> BatchItems(RenderState state, object value, int count, object? fill)
    {
        var batch = new List<object>();
        foreach (object item in PythonIteration.Iterate(state, value))
        {
            if (batch.Count == count)
            {
                yield return batch;
                batch = [];
            }

            batch.Add(item);
        }

        if (batch.Count == 0)
        {
            yield break;
        }

        for (long missing = fill is null ? 0 : (long)count - batch.Count; missing > 0; missing--)
        {
            state.Step();
            batch.Add(fill!);
        }

        yield return batch;
    }

    private static IEnumerable<object> SliceItems(RenderState state, object value, int slices, object? fill)
    {
        var items = PythonIteration.ToList(state, value);
        if (slices == 0)
        {
            throw new TemplateException("slice needs at least one slice");
        }

        int start = 0;
        for (int i = 0; i < slices; i++)
        {
            state.Step();
            bool isLonger = i < items.Count % slices;
            int length = items.Count / slices + (isLonger ? 1 : 0);
            List<object> part = items.GetRange(start, length);
            start += length;
            if (fill is not null && !isLonger)
            {
                part.Add(fill);
            }

            yield return part;
        }
    }
}
