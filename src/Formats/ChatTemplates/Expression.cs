namespace Rm.Formats.ChatTemplates;

/// <summary>A node that has a value.</summary>
internal abstract class Expression
{
    /// <summary>The value, within the bounds of the rendering.</summary>
    public object Evaluate(RenderState state, Scope scope)
    {
        state.Enter();
        object value = Compute(state, scope);
        state.Leave();
        return value;
    }

    /// <summary>Whether the value is true in Python's sense.</summary>
    public bool IsTrue(RenderState state, Scope scope) => PythonTypes.Truth(Evaluate(state, scope));

    protected abstract object Compute(RenderState state, Scope scope);
}

/// <summary>A literal of an immutable type.</summary>
internal sealed class ConstantExpression(object value) : Expression
{
    public object Value { get; } = value;

    protected override object Compute(RenderState state, Scope scope) => Value;
}

/// <summary>A variable.</summary>
internal sealed class NameExpression(string name) : Expression
{
    public string Name { get; } = name;

    protected override object Compute(RenderState state, Scope scope) => scope.Get(Name);
}

/// <summary><c>[a, b]</c> or <c>(a, b)</c>.</summary>
internal sealed class SequenceExpression(List<Expression> items, bool isTuple) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        object[] values = new object[items.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = items[i].Evaluate(state, scope);
        }

        return isTuple ? new PyTuple(values) : new List<object>(values);
    }
}

/// <summary><c>{key: value}</c>.</summary>
internal sealed class DictExpression(List<(Expression Key, Expression Value)> items) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        var dict = new PyDict();
        foreach ((Expression? key, Expression? value) in items)
        {
            dict[PythonEquality.RequireHashable(state, key.Evaluate(state, scope))] = value.Evaluate(state, scope);
        }

        return dict;
    }
}

/// <summary><c>target.name</c>.</summary>
internal sealed class AttributeExpression(Expression target, string name) : Expression
{
    protected override object Compute(RenderState state, Scope scope) =>
        PythonAccess.GetAttribute(state, target.Evaluate(state, scope), name);
}

/// <summary><c>target[key]</c>.</summary>
internal sealed class ItemExpression(Expression target, Expression key) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        object value = target.Evaluate(state, scope);
        return PythonAccess.GetItem(state, value, key.Evaluate(state, scope));
    }
}

/// <summary><c>target[start:stop:step]</c>.</summary>
internal sealed class SliceExpression(Expression target, Expression? start, Expression? stop, Expression? step) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        object value = target.Evaluate(state, scope);
        return PythonSlice.Get(
            state, value, start?.Evaluate(state, scope), stop?.Evaluate(state, scope), step?.Evaluate(state, scope));
    }
}
