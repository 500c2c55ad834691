using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>What can stand left of an assignment: a name, an attribute of a namespace, or several of them.</summary>
internal abstract class AssignmentTarget
{
    public abstract void Assign(RenderState state, Scope scope, object value);
}

/// <summary>A plain name.</summary>
internal sealed class NameTarget(string name) : AssignmentTarget
{
    public override void Assign(RenderState state, Scope scope, object value) => scope.Set(name, value);
}

/// <summary><c>ns.attribute</c>.</summary>
internal sealed class NamespaceTarget(string name, string attribute) : AssignmentTarget
{
    public override void Assign(RenderState state, Scope scope, object value)
    {
        if (scope.Get(name) is not PyNamespace space)
        {
            throw new TemplateException($"cannot assign attribute '{attribute}': '{name}' is not a namespace");
        }

        space.Attributes[attribute] = value;
    }
}

/// <summary><c>a, b</c>: as many items as names.</summary>
internal sealed class TupleTarget(List<AssignmentTarget> targets) : AssignmentTarget
{
    public override void Assign(RenderState state, Scope scope, object value)
    {
        var items = PythonIteration.ToList(state, value is Undefined u ? throw u.Error() : value);
        if (items.Count != targets.Count)
        {
            throw new TemplateException($"{items.Count} values cannot be unpacked into {targets.Count} names");
        }

        for (int i = 0; i < items.Count; i++)
        {
            targets[i].Assign(state, scope, items[i]);
        }
    }
}

/// <summary><c>{% set target = value %}</c>.</summary>
internal sealed class SetStatement(int line, AssignmentTarget target, Expression value) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        target.Assign(state, scope, value.Evaluate(state, scope));
        return Flow.Next;
    }
}

/// <summary><c>{% set target | filter %}...{% endset %}</c>.</summary>
internal sealed class SetBlockStatement(int line, AssignmentTarget target, FilterExpression? filter, StatementBlock body) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        (Flow flow, string? text) = body.Capture(state, scope);
        if (flow == Flow.Next)
        {
            target.Assign(state, scope, filter?.Apply(state, scope, text) ?? text);
        }

        return flow;
    }
}

/// <summary><c>{% with name = value %}...{% endwith %}</c>; the values see the names outside.</summary>
internal sealed class WithStatement(int line, List<(AssignmentTarget Target, Expression Value)> bindings, StatementBlock body)
    : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        var inner = new Scope(scope);
        foreach ((AssignmentTarget? target, Expression? value) in bindings)
        {
            target.Assign(state, inner, value.Evaluate(state, scope));
        }

        return body.Execute(state, inner, output);
    }
}

/// <summary><c>{% filter name %}...{% endfilter %}</c>.</summary>
internal sealed class FilterBlockStatement(int line, FilterExpression filter, StatementBlock body) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        (Flow flow, string? text) = body.Capture(state, scope);
        if (flow == Flow.Next)
        {
            state.Write(output, PythonText.Str(state, filter.Apply(state, scope, text)));
        }

        return flow;
    }
}

/// <summary><c>{% generation %}...{% endgeneration %}</c>: marks what the assistant said for token masks; the text is the same.</summary>
internal sealed class GenerationStatement(int line, StatementBlock body) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output) => body.Execute(state, new Scope(scope), output);
}
