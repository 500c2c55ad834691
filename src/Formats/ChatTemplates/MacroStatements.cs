using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// The unchanging part of a macro. <paramref name="Special"/> holds which of caller, kwargs and varargs its body reads:
/// only those accept what the parameters do not.
/// </summary>
internal sealed record MacroDefinition(
    string Name, List<(string Name, Expression? Default)> Parameters, StatementBlock Body, IReadOnlySet<string> Special);

/// <summary><c>{% macro name(parameters) %}...{% endmacro %}</c>.</summary>
internal sealed class MacroStatement(int line, MacroDefinition definition) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        scope.Set(definition.Name, new Macro(definition, scope));
        return Flow.Next;
    }
}

/// <summary><c>{% call(parameters) macro(arguments) %}...{% endcall %}</c>.</summary>
internal sealed class CallBlockStatement(int line, MacroDefinition caller, CallExpression call) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        string text = PythonText.Str(state, call.CallWith(state, scope, new Macro(caller, scope)));
        state.Write(output, text);
        return Flow.Next;
    }
}

/// <summary>A macro with the scope that it was defined in.</summary>
internal sealed class Macro(MacroDefinition definition, Scope scope) : PyCallable(definition.Name)
{
    public override object Call(RenderState state, CallArguments arguments)
    {
        List<(string Name, Expression? Default)> parameters = definition.Parameters;
        var keywords = new PyDict();
        foreach ((object? key, object? value) in arguments.Keywords ?? keywords)
        {
            keywords[key] = value;
        }

        var inner = new Scope(scope);
        int line = state.Line;
        bool hasCaller = false;
        for (int i = 0; i < parameters.Count; i++)
        {
            (string? name, Expression? fallback) = parameters[i];
            hasCaller |= name == "caller";
            if (i < arguments.Positional.Length)
            {
                inner.Set(name, arguments.Positional[i]);
            }
            else if (keywords.Remove(name, out object? given))
            {
                inner.Set(name, given);
            }
            else
            {
                inner.Set(name, fallback?.Evaluate(state, inner) ?? new Undefined($"parameter '{name}' was not provided"));
            }
        }

        BindSpecial(arguments, keywords, inner, hasCaller);
        (Flow _, string? text) = definition.Body.Capture(state, inner);
        state.Line = line;
        return text;
    }

    /// <summary>What a template may read of a macro; null for other names.</summary>
    public object? Attribute(string name) => name switch
    {
        "name" => Name,
        "arguments" => new PyTuple([.. definition.Parameters.Select(p => (object)p.Name)]),
        "catch_kwargs" => PythonTypes.Box(definition.Special.Contains("kwargs")),
        "catch_varargs" => PythonTypes.Box(definition.Special.Contains("varargs")),
        "caller" => PythonTypes.Box(definition.Special.Contains("caller")),
        _ => null,
    };

    private void BindSpecial(CallArguments arguments, PyDict keywords, Scope inner, bool hasCaller)
    {
        if (definition.Special.Contains("caller") && !hasCaller)
        {
            inner.Set("caller", keywords.Remove("caller", out object? caller) ? caller : new Undefined("No caller defined"));
        }

        if (definition.Special.Contains("kwargs"))
        {
            inner.Set("kwargs", keywords);
        }
        else if (keywords.Count > 0)
        {
            throw new TemplateException($"macro '{Name}' takes no keyword argument '{keywords.GetAt(0).Key}'");
        }

        object[] extra = arguments.Positional.Skip(definition.Parameters.Count).ToArray();
        if (definition.Special.Contains("varargs"))
        {
            inner.Set("varargs", new PyTuple(extra));
        }
        else if (extra.Length > 0)
        {
            throw new TemplateException($"macro '{Name}' takes not more than {definition.Parameters.Count} argument(s)");
        }
    }
}
