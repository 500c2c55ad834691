namespace Rm.Formats.ChatTemplates;

/// <summary>Methods of dict that do not change it; the others are undefined, as the immutable sandbox has it.</summary>
internal static class DictMethods
{
    public static object? Find(PyDict dict, string name) => name switch
    {
        "items" or "keys" or "values" => new PyFunction(name, (_, a) =>
        {
            a.Bind(name, 0);
            return new PyDictView(dict, name);
        }),
        "get" => new PyFunction(name, (state, a) =>
        {
            object?[] p = a.Bind("get", 1, "key", "default");
            return dict.TryGetValue(PythonEquality.RequireHashable(state, p[0]!), out object? value) ? value : p[1] ?? PyNone.Value;
        }),
        "copy" => new PyFunction(name, (state, a) =>
        {
            a.Bind(name, 0);
            state.Step(dict.Count);
            var copy = new PyDict();
            foreach ((object? key, object? value) in dict)
            {
                copy[key] = value;
            }

            return copy;
        }),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => PythonAccess.Unsafe(dict, name),
        _ => null,
    };
}

/// <summary>Methods of list, tuple and range that do not change them.</summary>
internal static class SequenceMethods
{
    public static object? Find(object sequence, string name) => name switch
    {
        "count" => new PyFunction(name, (state, a) =>
        {
            object item = a.Bind("count", 1, "value")[0]!;
            return (long)PythonIteration.Iterate(state, sequence).Count(other => PythonOrdering.AreEqual(state, other, item));
        }),
        "index" => new PyFunction(name, (state, a) => Index(state, sequence, a)),
        "copy" when sequence is List<object> list => new PyFunction(name, (state, a) =>
        {
            a.Bind(name, 0);
            state.Step(list.Count);
            return new List<object>(list);
        }),
        "append" or "clear" or "extend" or "insert" or "pop" or "remove" or "reverse" or "sort" when sequence is List<object> =>
            PythonAccess.Unsafe(sequence, name),
        "start" when sequence is PyRange range => range.Start,
        "stop" when sequence is PyRange range => range.Stop,
        "step" when sequence is PyRange range => range.Step,
        _ when sequence is GroupTuple group => group.Attribute(name),
        _ => null,
    };

    private static long Index(RenderState state, object sequence, CallArguments arguments)
    {
        object?[] p = arguments.Bind("index", 1, "value", "start", "stop");
        var items = PythonIteration.ToList(state, sequence);
        long Place(object? bound, int absent)
        {
            long value = bound is null ? absent : (long)PythonTypes.RequireInt(bound, "a position");
            return Math.Clamp(value < 0 ? value + items.Count : value, 0, items.Count);
        }

        long stop = Place(p[2], items.Count);
        for (long i = Place(p[1], 0); i < stop; i++)
        {
            if (PythonOrdering.AreEqual(state, items[(int)i], p[0]!))
            {
                return i;
            }
        }

        throw new TemplateException("the value is not in the list");
    }
}
