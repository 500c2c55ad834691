namespace Rm.Formats.ChatTemplates;

/// <summary>Arithmetic between two values: + - * / // % **.</summary>
internal sealed class BinaryExpression(string symbol, Expression left, Expression right) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        object x = left.Evaluate(state, scope);
        return PythonOperators.Binary(state, symbol, x, right.Evaluate(state, scope));
    }
}

/// <summary>Unary + or -.</summary>
internal sealed class SignExpression(bool isMinus, Expression operand) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        object value = operand.Evaluate(state, scope);
        if (!PythonArithmetic.IsNumber(value))
        {
            throw (value as Undefined)?.Error()
                ?? new TemplateException($"bad operand type for unary {(isMinus ? '-' : '+')}: '{PythonTypes.Name(value)}'");
        }

        return value is double d ? (isMinus ? -d : d)
            : isMinus ? PythonArithmetic.Subtract(0L, value) : PythonArithmetic.Add(0L, value);
    }
}

/// <summary><c>a ~ b</c>: both as text.</summary>
internal sealed class ConcatenateExpression(List<Expression> parts) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        string[] texts = new string[parts.Count];
        long length = 0;
        for (int i = 0; i < texts.Length; i++)
        {
            texts[i] = PythonText.Str(state, parts[i].Evaluate(state, scope));
            length += texts[i].Length;
        }

        state.Make(length);
        return string.Concat(texts);
    }
}

/// <summary><c>not a</c>.</summary>
internal sealed class NotExpression(Expression operand) : Expression
{
    protected override object Compute(RenderState state, Scope scope) => PythonTypes.Box(!operand.IsTrue(state, scope));
}

/// <summary><c>a and b</c>, <c>a or b</c>: the operand that decides, as Python gives it.</summary>
internal sealed class LogicalExpression(bool isAnd, Expression left, Expression right) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        object value = left.Evaluate(state, scope);
        return PythonTypes.Truth(value) == isAnd ? right.Evaluate(state, scope) : value;
    }
}

/// <summary><c>a &lt; b == c</c>: each neighbouring pair, up to the first that does not hold.</summary>
internal sealed class CompareExpression(Expression first, List<(string Symbol, Expression Operand)> rest) : Expression
{
    protected override object Compute(RenderState state, Scope scope)
    {
        object left = first.Evaluate(state, scope);
        foreach ((string? symbol, Expression? operand) in rest)
        {
            object right = operand.Evaluate(state, scope);
            if (!PythonOperators.Holds(state, symbol, left, right))
            {
                return PythonTypes.Box(false);
            }

            left = right;
        }

        return PythonTypes.Box(true);
    }
}

/// <summary><c>a if condition else b</c>; without else an undefined.</summary>
internal sealed class ConditionalExpression(Expression condition, Expression value, Expression? otherwise) : Expression
{
    protected override object Compute(RenderState state, Scope scope) =>
        condition.IsTrue(state, scope) ? value.Evaluate(state, scope)
        : otherwise?.Evaluate(state, scope) ?? new Undefined("the inline if-expression evaluated to false and has no else");
}
