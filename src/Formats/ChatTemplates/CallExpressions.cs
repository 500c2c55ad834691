namespace Rm.Formats.ChatTemplates;

/// <summary>Arguments as written: positional, keyword, <c>*list</c> and <c>**dict</c>.</summary>
internal sealed record ArgumentList(
    List<Expression> Positional, List<(string Name, Expression Value)> Keywords, Expression? Spread, Expression? KeywordSpread)
{
    public static readonly ArgumentList Empty = new([], [], null, null);

    public CallArguments Evaluate(RenderState state, Scope scope)
    {
        var positional = new List<object>(Positional.Count);
        foreach (Expression argument in Positional)
        {
            positional.Add(argument.Evaluate(state, scope));
        }

        if (Spread is not null)
        {
            positional.AddRange(PythonIteration.Iterate(state, Spread.Evaluate(state, scope)));
        }

        PyDict? keywords = null;
        foreach ((string? name, Expression? value) in Keywords)
        {
            AddKeyword(keywords ??= new PyDict(), name, value.Evaluate(state, scope));
        }

        if (KeywordSpread is not null)
        {
            if (KeywordSpread.Evaluate(state, scope) is not PyDict dict)
            {
                throw new TemplateException("what follows ** in a call must be a dict");
            }

            foreach ((object? key, object? value) in dict)
            {
                AddKeyword(keywords ??= new PyDict(), PythonTypes.RequireText(key, "a keyword"), value);
            }
        }

        return new CallArguments([.. positional], keywords);
    }

    private static void AddKeyword(PyDict keywords, string name, object value)
    {
        if (!keywords.TryAdd(name, value))
        {
            throw new TemplateException($"keyword argument '{name}' is given twice");
        }
    }
}

/// <summary><c>callee(arguments)</c>.</summary>
internal sealed class CallExpression(Expression callee, ArgumentList arguments) : Expression
{
    /// <summary>The call with a <c>caller</c> argument in addition, as a call block makes it.</summary>
    public object CallWith(RenderState state, Scope scope, PyCallable caller)
    {
        object target = callee.Evaluate(state, scope);
        CallArguments given = arguments.Evaluate(state, scope);
        PyDict keywords = given.Keywords ?? new PyDict();
        return keywords.TryAdd("caller", caller)
            ? Call(state, target, new CallArguments(given.Positional, keywords))
            : throw new TemplateException("keyword argument 'caller' is given twice");
    }

    protected override object Compute(RenderState state, Scope scope)
    {
        object target = callee.Evaluate(state, scope);
        return Call(state, target, arguments.Evaluate(state, scope));
    }

    private static object Call(RenderState state, object target, CallArguments arguments) => target switch
    {
        PyCallable function => function.Call(state, arguments),
        LoopContext loop => loop.Call(arguments),
        Undefined undefined => throw undefined.Error(),
        _ => throw new TemplateException($"'{PythonTypes.Name(target)}' object is not callable"),
    };
}

/// <summary><c>value | name(arguments)</c>. A filter that does not exist fails when it is reached.</summary>
internal sealed class FilterExpression(Expression? value, string name, ArgumentList arguments) : Expression
{
    private readonly FilterBody? _body = FilterTable.Find(name);

    /// <summary>Applies the filter, and those before it in a chain, to the text of a block.</summary>
    public object Apply(RenderState state, Scope scope, object text)
    {
        object input = value is null ? text : ((FilterExpression)value).Apply(state, scope, text);
        return Invoke(state, input, arguments.Evaluate(state, scope));
    }

    protected override object Compute(RenderState state, Scope scope)
    {
        object input = value!.Evaluate(state, scope);
        return Invoke(state, input, arguments.Evaluate(state, scope));
    }

    private object Invoke(RenderState state, object input, CallArguments given) =>
        _body is null ? throw new TemplateException($"no filter named '{name}'") : _body(state, input, given);
}

/// <summary><c>value is name(arguments)</c>.</summary>
internal sealed class TestExpression(Expression value, string name, ArgumentList arguments) : Expression
{
    private readonly TestBody? _body = TestTable.Find(name);

    protected override object Compute(RenderState state, Scope scope)
    {
        object input = value.Evaluate(state, scope);
        CallArguments given = arguments.Evaluate(state, scope);
        return PythonTypes.Box(_body is null ? throw new TemplateException($"no test named '{name}'") : _body(state, input, given));
    }
}
