namespace Rm.Formats.ChatTemplates;

/// <summary>The <c>loop</c> variable. Looks ahead only when the template asks about what comes next.</summary>
/// <param name="state">State of the rendering.</param>
/// <param name="items">What is looped over.</param>
/// <param name="length">How many they are, or -1 when that is not known.</param>
/// <param name="depth">Level of a recursive loop, from 0.</param>
/// <param name="again">Runs a recursive loop over other items; null for a loop that is not recursive.</param>
internal sealed class LoopContext(RenderState state, IEnumerable<object> items, int length, int depth, Func<object, string>? again)
{
    private static readonly object Absent = new();

    private readonly IEnumerator<object> _items = items.GetEnumerator();
    private readonly Queue<object> _ahead = new();
    private object _previous = Absent;
    private object _current = Absent;
    private object[]? _lastChanged;
    private int _length = length;

    /// <summary>Iterations begun, so the index from 1 of the current one.</summary>
    public int Index { get; private set; }

    public object Current => _current;

    /// <summary>Items in all; counts the rest first where the length is not known.</summary>
    public int Length
    {
        get
        {
            if (_length < 0)
            {
                while (_items.MoveNext())
                {
                    _ahead.Enqueue(_items.Current);
                }

                _length = Index + _ahead.Count;
            }

            return _length;
        }
    }

    public bool MoveNext()
    {
        if (!TryPeek(out object? next))
        {
            return false;
        }

        _ahead.Dequeue();
        _previous = _current;
        _current = next;
        Index++;
        return true;
    }

    /// <summary>The rest of the items, for a template that iterates the loop variable itself.</summary>
    public IEnumerable<object> Items()
    {
        while (MoveNext())
        {
            yield return new PyTuple(_current, this);
        }
    }

    /// <summary>loop.index and its like; null for a name it does not have.</summary>
    public object? Attribute(string name) => name switch
    {
        "index" => (long)Index,
        "index0" => Index - 1L,
        "revindex" => (long)Length - Index + 1,
        "revindex0" => (long)Length - Index,
        "first" => PythonTypes.Box(Index == 1),
        "last" => PythonTypes.Box(!TryPeek(out _)),
        "length" => (long)Length,
        "depth" => depth + 1L,
        "depth0" => (long)depth,
        "previtem" => ReferenceEquals(_previous, Absent) ? new Undefined("there is no previous item") : _previous,
        "nextitem" => TryPeek(out object? next) ? next : new Undefined("there is no next item"),
        "cycle" => new PyFunction("loop.cycle", Cycle),
        "changed" => new PyFunction("loop.changed", Changed),
        _ => null,
    };

    /// <summary>loop(items) in a recursive loop.</summary>
    public string Call(CallArguments arguments) => again is not null
        ? again(arguments.Bind("loop", 1, "iterable")[0]!)
        : throw new TemplateException("the loop must be marked as recursive to be called");

    private bool TryPeek(out object next)
    {
        if (_ahead.Count == 0 && _items.MoveNext())
        {
            _ahead.Enqueue(_items.Current);
        }

        return _ahead.TryPeek(out next!);
    }

    private object Cycle(RenderState _, CallArguments arguments) => arguments.Positional.Length > 0
        ? arguments.Positional[(Index - 1) % arguments.Positional.Length]
        : throw new TemplateException("loop.cycle needs values to cycle through");

    private object Changed(RenderState _, CallArguments arguments)
    {
        bool changed = _lastChanged is null
            || !PythonOrdering.AreEqual(state, new PyTuple(_lastChanged), new PyTuple(arguments.Positional));
        _lastChanged = arguments.Positional;
        return PythonTypes.Box(changed);
    }
}
