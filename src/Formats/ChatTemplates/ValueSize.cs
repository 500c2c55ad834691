namespace Rm.Formats.ChatTemplates;

/// <summary>How much work it is to walk a value: lists that hold the same list twice grow exponentially when printed or compared.</summary>
internal static class ValueSize
{
    /// <summary>Items and characters/16 in a value and all it holds, counted up to just above <see cref="TemplateLimits.Steps"/>.</summary>
    public static int Of(object value)
    {
        int size = 0;
        Add(value, ref size, 0);
        return size;
    }

    private static void Add(object value, ref int size, int depth)
    {
        if (size > TemplateLimits.Steps || depth > TemplateLimits.ValueDepth)
        {
            return;
        }

        size++;
        switch (value)
        {
            case string text:
                size += text.Length / 16;
                break;
            case List<object> list:
                foreach (object item in list)
                {
                    Add(item, ref size, depth + 1);
                }

                break;
            case PyTuple tuple:
                foreach (object item in tuple.Items)
                {
                    Add(item, ref size, depth + 1);
                }

                break;
            case PyNamespace space:
                Add(space.Attributes, ref size, depth + 1);
                break;
            case PyDictView view:
                Add(view.Dict, ref size, depth + 1);
                break;
            case PyDict dict:
                foreach ((object? key, object? item) in dict)
                {
                    Add(key, ref size, depth + 1);
                    Add(item, ref size, depth + 1);
                }

                break;
        }
    }
}
