namespace Rm.Formats.ChatTemplates;

/// <summary>Functions that every template can call.</summary>
internal static class TemplateGlobals
{
    public static void AddTo(Scope scope)
    {
        scope.Set("raise_exception", new PyFunction("raise_exception", Raise));
        scope.Set("strftime_now", new PyFunction("strftime_now", (state, a) =>
            Strftime.Format(state, PythonTypes.RequireText(a.Bind("strftime_now", 1, "format")[0]!, "strftime_now's format"))));
        scope.Set("range", new PyFunction("range", Range));
        scope.Set("dict", new PyFunction("dict", (state, a) => MakeDict(state, a, "dict")));
        scope.Set("namespace", new PyFunction("namespace", (state, a) =>
        {
            var space = new PyNamespace();
            foreach ((object? key, object? value) in MakeDict(state, a, "namespace"))
            {
                space.Attributes[key] = value;
            }

            return space;
        }));
        scope.Set("cycler", new PyFunction("cycler", (_, a) => a.Positional.Length > 0 && a.KeywordCount == 0
            ? new Cycler(a.Positional)
            : throw new TemplateException("cycler needs values")));
        scope.Set("joiner", new PyFunction("joiner", (_, a) => Joiner(a.Bind("joiner", 0, "sep")[0] ?? ", ")));
    }

    private static object Raise(RenderState state, CallArguments arguments) =>
        throw new TemplateRefusalException(PythonText.Str(state, arguments.Bind("raise_exception", 1, "message")[0]!));

    private static PyRange Range(RenderState state, CallArguments arguments)
    {
        object?[] p = arguments.Bind("range", 1, "start", "stop", "step");
        long[] bounds = Array.ConvertAll(p, bound => bound switch
        {
            null => 0L,
            long n => n,
            bool b => b ? 1L : 0L,
            Undefined u => throw u.Error(),
            _ => throw new TemplateException("range needs integers of at most 64 bits"),
        });
        if (p[2] is not null && bounds[2] == 0)
        {
            throw new TemplateException("range's step must not be zero");
        }

        PyRange range = p[1] is null ? new PyRange(0, bounds[0], 1) : new PyRange(bounds[0], bounds[1], p[2] is null ? 1 : bounds[2]);
        return range.Length <= TemplateLimits.RangeItems
            ? range
            : throw new TemplateException($"a range has more than {TemplateLimits.RangeItems} items");
    }

    /// <summary>A dict from another dict or from pairs, then the keywords.</summary>
    private static PyDict MakeDict(RenderState state, CallArguments arguments, string owner)
    {
        var result = new PyDict();
        object source = arguments.Positional.Length switch
        {
            0 => new PyDict(),
            1 => arguments.Positional[0],
            _ => throw new TemplateException($"{owner} takes at most one positional argument"),
        };
        foreach (object pair in PythonIteration.Iterate(state, source is PyDict dict ? new PyDictView(dict, "items") : source))
        {
            if (PythonIteration.ToList(state, pair) is not [var key, var value])
            {
                throw new TemplateException($"{owner} needs pairs");
            }

            result[PythonEquality.RequireHashable(state, key)] = value;
        }

        foreach ((object? key, object? value) in arguments.Keywords ?? new PyDict())
        {
            result[key] = value;
        }

        return result;
    }

    /// <summary>A function that gives nothing the first time and the separator from then on.</summary>
    private static PyFunction Joiner(object separator)
    {
        bool isUsed = false;
        return new PyFunction("joiner", (_, a) =>
        {
            a.Bind("joiner", 0);
            object text = isUsed ? separator : "";
            isUsed = true;
            return text;
        });
    }
}

/// <summary>What cycler() returns: its values in turn.</summary>
internal sealed class Cycler(object[] values)
{
    private int _position;

    public object? Attribute(string name) => name switch
    {
        "current" => values[_position],
        "next" => new PyFunction("next", (_, a) =>
        {
            a.Bind("next", 0);
            object value = values[_position];
            _position = (_position + 1) % values.Length;
            return value;
        }),
        "reset" => new PyFunction("reset", (_, a) =>
        {
            a.Bind("reset", 0);
            _position = 0;
            return PyNone.Value;
        }),
        _ => null,
    };
}
