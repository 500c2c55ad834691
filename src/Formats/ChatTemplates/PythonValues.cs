namespace Rm.Formats.ChatTemplates;

// The value types of a template. Python's None, list, dict, tuple, range and generator are the classes here and List<object>;
// str is string (or Markup), bool is bool, int is long (or BigInteger beyond 64 bits), float is double.

/// <summary>Python's None.</summary>
internal sealed class PyNone
{
    public static readonly PyNone Value = new();

    private PyNone()
    {
    }
}

/// <summary>A missing name or attribute: prints as nothing, and fails when it is used further. The message says what is missing.</summary>
internal sealed class Undefined(string message)
{
    public string Message { get; } = message;

    public TemplateException Error() => new(Message);
}

/// <summary>A string that the escape filter leaves alone.</summary>
internal sealed class Markup(string text)
{
    public string Text { get; } = text;
}

/// <summary>Python's tuple.</summary>
internal class PyTuple(params object[] items)
{
    public object[] Items { get; } = items;
}

/// <summary>Python's dict: insertion order, Python's equality of keys.</summary>
internal sealed class PyDict : OrderedDictionary<object, object>
{
    public PyDict() : base(PythonEquality.Instance)
    {
    }
}

/// <summary>What items(), keys() or values() of a dict return.</summary>
internal sealed class PyDictView(PyDict dict, string kind)
{
    public PyDict Dict { get; } = dict;

    /// <summary>items, keys or values.</summary>
    public string Kind { get; } = kind;

    public IEnumerable<object> Items => Kind switch
    {
        "keys" => Dict.Keys,
        "values" => Dict.Values,
        _ => Dict.Select(p => (object)new PyTuple(p.Key, p.Value)),
    };
}

/// <summary>Python's range, at most <see cref="TemplateLimits.RangeItems"/> long.</summary>
internal sealed class PyRange(long start, long stop, long step)
{
    public long Start { get; } = start;

    public long Stop { get; } = stop;

    public long Step { get; } = step;

    /// <summary>Items, or int.MaxValue for more than that.</summary>
    public int Length { get; } = (int)Int128.Clamp(
        step > 0 ? ((Int128)stop - start + step - 1) / step : ((Int128)start - stop - step - 1) / -(Int128)step, 0, int.MaxValue);

    public long this[int index] => Start + index * Step;
}

/// <summary>A lazy sequence that can be read once, as the select, map and unique filters give.</summary>
internal sealed class PyGenerator(IEnumerable<object> source)
{
    private readonly IEnumerator<object> _items = source.GetEnumerator();

    public IEnumerable<object> Rest()
    {
        while (_items.MoveNext())
        {
            yield return _items.Current;
        }
    }
}

/// <summary>What namespace() returns: the one thing whose attributes a template may set, and so carry out of a loop.</summary>
internal sealed class PyNamespace
{
    public PyDict Attributes { get; } = new();
}

/// <summary>Anything that can be called: a macro, a method bound to its object, a global function.</summary>
internal abstract class PyCallable(string name)
{
    public string Name { get; } = name;

    public abstract object Call(RenderState state, CallArguments arguments);
}

/// <summary>A callable made of a delegate.</summary>
internal sealed class PyFunction(string name, Func<RenderState, CallArguments, object> body) : PyCallable(name)
{
    public override object Call(RenderState state, CallArguments arguments) => body(state, arguments);
}

/// <summary>One group of the groupby filter: a pair whose halves also have names.</summary>
internal sealed class GroupTuple(object grouper, List<object> items) : PyTuple(grouper, items)
{
    public object? Attribute(string name) => name switch
    {
        "grouper" => Items[0],
        "list" => Items[1],
        _ => null,
    };
}
