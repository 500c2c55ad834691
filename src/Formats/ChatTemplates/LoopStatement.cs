using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// <c>{% for target in items if condition recursive %}...{% else %}...{% endfor %}</c>. In a recursive one <c>loop(items)</c> runs it
/// again, one level deeper, and is the text of that.
/// </summary>
internal sealed class LoopStatement(
    int line, AssignmentTarget target, Expression items, Expression? condition, bool isRecursive, StatementBlock body,
    StatementBlock? otherwise)
    : Statement(line)
{
    public override Flow Execute(RenderState state, Scope scope, StringBuilder output)
    {
        return Run(state, scope, output, items.Evaluate(state, scope), depth: 0);
    }

    private Flow Run(RenderState state, Scope scope, StringBuilder output, object source, int depth)
    {
        int length = condition is null ? PythonIteration.TryLength(state, source) : -1;
        var loop = new LoopContext(state, Items(state, scope, source), length, depth, isRecursive ? Again : null);
        bool isEmpty = true;
        while (loop.MoveNext())
        {
            state.Line = Line;
            var inner = new Scope(scope);
            target.Assign(state, inner, loop.Current);
            inner.Set("loop", loop);
            Flow flow = body.Execute(state, inner, output);
            if (flow == Flow.Break)
            {
                break;
            }

            // Jinja notes an iteration at the end of the body: one that continue or break cuts short does not keep else from running.
            isEmpty &= flow == Flow.Continue;
        }

        return isEmpty && otherwise is not null ? otherwise.Execute(state, new Scope(scope), output) : Flow.Next;

        string Again(object inner)
        {
            state.Enter();
            var text = new StringBuilder();
            Run(state, scope, text, inner, depth + 1);
            state.Leave();
            return text.ToString();
        }
    }

    /// <summary>The items that pass the condition, found one by one: the body may change what the condition reads.</summary>
    private IEnumerable<object> Items(RenderState state, Scope scope, object source)
    {
        foreach (object item in PythonIteration.Iterate(state, source))
        {
            if (condition is not null)
            {
                var inner = new Scope(scope);
                target.Assign(state, inner, item);
                if (!condition.IsTrue(state, inner))
                {
                    continue;
                }
            }

            yield return item;
        }
    }
}
