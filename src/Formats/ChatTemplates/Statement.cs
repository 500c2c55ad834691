using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>How a statement ended.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

/// <summary>A node that writes.</summary>
internal abstract class Statement(int line)
{
    /// <summary>Source line, from 1.</summary>
    public int Line { get; } = line;

    public abstract Flow Execute(RenderState state, Scope scope, StringBuilder output);
}

/// <summary>Statements in order, nested in another statement or the whole template.</summary>
internal sealed class StatementBlock(List<Statement> statements)
{
    public Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        state.Enter();
        foreach (Statement statement in statements)
        {
            state.Step();
            state.Line = statement.Line;
            if (statement.Execute(state, scope, output) is var flow and not Flow.Next)
            {
                state.Leave();
                return flow;
            }
        }

        state.Leave();
        return Flow.Next;
    }

    /// <summary>What the statements write, in a string of its own and with names of their own.</summary>
    public (Flow Flow, string Text) Capture(RenderState state, Scope scope)
    {
        var output = new StringBuilder();
        Flow flow = Execute(state, new Scope(scope), output);
        state.Make(output.Length);
        return (flow, output.ToString());
    }
}

/// <summary>Text between tags.</summary>
internal sealed class TextStatement(int line, string text) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        state.Write(output, text);
        return Flow.Next;
    }
}

/// <summary><c>{{ value }}</c>.</summary>
internal sealed class PrintStatement(int line, Expression value) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        state.Write(output, PythonText.Str(state, value.Evaluate(state, scope)));
        return Flow.Next;
    }
}

/// <summary><c>{% if %}</c> with its elif and else branches; a null condition is else.</summary>
internal sealed class IfStatement(int line, List<(Expression? Condition, StatementBlock Body)> branches) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        foreach ((Expression? condition, StatementBlock? body) in branches)
        {
            if (condition is null || condition.IsTrue(state, scope))
            {
                return body.Execute(state, scope, output);
            }
        }

        return Flow.Next;
    }
}

/// <summary><c>{% break %}</c> or <c>{% continue %}</c>.</summary>
internal sealed class LoopControlStatement(int line, Flow flow) : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output) => flow;
}
