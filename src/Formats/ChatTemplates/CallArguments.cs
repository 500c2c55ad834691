namespace Rm.Formats.ChatTemplates;

/// <summary>Arguments of a call, a filter or a test.</summary>
internal readonly struct CallArguments(object[] positional, PyDict? keywords = null)
{
    public static CallArguments None => new([]);

    public object[] Positional { get; } = positional;

    /// <summary>Keyword arguments in source order, or null without any.</summary>
    public PyDict? Keywords { get; } = keywords;

    public int KeywordCount => Keywords?.Count ?? 0;

    /// <summary>
    /// The value of each named parameter, null where the call leaves it out; the first <paramref name="required"/> must be given.
    /// </summary>
    public object?[] Bind(string owner, int required, params ReadOnlySpan<string> names)
    {
        if (Positional.Length > names.Length)
        {
            throw new TemplateException($"{owner} takes at most {names.Length} arguments, got {Positional.Length}");
        }

        object?[] values = new object?[names.Length];
        Positional.CopyTo(values, 0);
        if (Keywords is not null)
        {
            foreach ((object? key, object? value) in Keywords)
            {
                int slot = names.IndexOf((string)key);
                if (slot < 0)
                {
                    throw new TemplateException($"{owner} has no parameter named '{key}'");
                }

                if (slot < Positional.Length)
                {
                    throw new TemplateException($"{owner} got parameter '{key}' twice");
                }

                values[slot] = value;
            }
        }

        for (int i = 0; i < required; i++)
        {
            if (values[i] is null)
            {
                throw new TemplateException($"{owner} needs its parameter '{names[i]}'");
            }
        }

        return values;
    }

    /// <summary>The same arguments without the first <paramref name="count"/> positional ones.</summary>
    public CallArguments Skip(int count) => new(Positional[count..], Keywords);
}
