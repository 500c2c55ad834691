namespace Rm.Formats.ChatTemplates;

/// <summary>
/// Names of one lexical level. Loops (each iteration anew), macros, captured blocks and <c>with</c> open a level;
/// an assignment lands in the innermost one and is gone when it closes.
/// </summary>
internal sealed class Scope(Scope? parent)
{
    private Dictionary<string, object>? _names;

    public void Set(string name, object value) => (_names ??= new Dictionary<string, object>(StringComparer.Ordinal))[name] = value;

    /// <summary>The value of a name, or an <see cref="Undefined"/>.</summary>
    public object Get(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Parent)
        {
            if (scope._names is not null && scope._names.TryGetValue(name, out object? value))
            {
                return value;
            }
        }

        return new Undefined($"'{name}' is undefined");
    }

    private Scope? Parent { get; } = parent;
}
