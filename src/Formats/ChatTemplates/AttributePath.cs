namespace Rm.Formats.ChatTemplates;

/// <summary>The attribute argument of filters: absent, an index, or a dotted path.</summary>
internal readonly struct AttributePath(object? attribute, object? fallback)
{
    public static AttributePath Of(object? attribute, object? fallback = null) =>
        new(attribute is PyNone ? null : attribute, fallback is PyNone ? null : fallback);

    /// <summary>The attribute of an item, the item itself without a path; the fallback stands in for undefined values.</summary>
    public object Get(RenderState state, object item)
    {
        if (attribute is null)
        {
            return item;
        }

        object value = PythonTypes.TryText(attribute, out string? path)
            ? PythonAccess.GetPath(state, item, path, fallback)
            : PythonAccess.GetItem(state, item, attribute);
        return value is Undefined && fallback is not null ? fallback : value;
    }

    /// <summary>The attribute, in lower case when it is a text and case does not count.</summary>
    public object GetKey(RenderState state, object item, bool caseSensitive)
    {
        object value = Get(state, item);
        return !caseSensitive && PythonTypes.TryText(value, out string? text) ? TextCase.Lower(state, text) : value;
    }
}
