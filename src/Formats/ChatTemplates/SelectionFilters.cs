namespace Rm.Formats.ChatTemplates;

/// <summary>Filters that pick or look up: select, map, default and their like. Lazy where Jinja's are.</summary>
internal static class SelectionFilters
{
    public static object Default(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("default", 0, "default_value", "boolean");
        return value is Undefined || (PythonTypes.Flag(p[1]) && !PythonTypes.Truth(value)) ? p[0] ?? "" : value;
    }

    public static object Attr(RenderState state, object value, CallArguments arguments)
    {
        string name = PythonTypes.RequireText(arguments.Bind("attr", 1, "name")[0]!, "attr's name");
        if (value is Undefined undefined)
        {
            throw undefined.Error();
        }

        return PythonAccess.Attribute(value, name) ?? new Undefined($"'{PythonTypes.Name(value)} object' has no attribute '{name}'");
    }

    public static object Map(RenderState state, object value, CallArguments arguments) =>
        new PyGenerator(MapItems(state, value, arguments));

    public static object Select(RenderState state, object value, CallArguments arguments, bool keeps, bool byAttribute) =>
        new PyGenerator(SelectItems(state, value, arguments, keeps, byAttribute));

    private static IEnumerable<object> MapItems(RenderState state, object value, CallArguments arguments)
    {
        // Like the original, which looks at the arguments only when there are items.
        if (!PythonTypes.Truth(value))
        {
            yield break;
        }

        Func<object, object> map = Mapping(state, arguments);
        foreach (object item in PythonIteration.Iterate(state, value))
        {
            yield return map(item);
        }
    }

    private static Func<object, object> Mapping(RenderState state, CallArguments arguments)
    {
        if (arguments.Positional.Length == 0 && arguments.Keywords is not null && arguments.Keywords.ContainsKey("attribute"))
        {
            object?[] p = arguments.Bind("map", 0, "attribute", "default");
            var path = AttributePath.Of(p[0], p[1]);
            return item => path.Get(state, item);
        }

        if (arguments.Positional.Length == 0)
        {
            throw new TemplateException("map needs a filter name or an attribute");
        }

        string name = PythonTypes.RequireText(arguments.Positional[0], "map's filter");
        FilterBody filter = FilterTable.Find(name) ?? throw new TemplateException($"no filter named '{name}'");
        CallArguments rest = arguments.Skip(1);
        return item => filter(state, item, rest);
    }

    private static IEnumerable<object> SelectItems(
        RenderState state, object value, CallArguments arguments, bool keeps, bool byAttribute)
    {
        if (!PythonTypes.Truth(value))
        {
            yield break;
        }

        var path = AttributePath.Of(!byAttribute ? null : arguments.Positional.Length > 0
            ? arguments.Positional[0]
            : throw new TemplateException("selectattr and rejectattr need the name of an attribute"));
        CallArguments rest = arguments.Skip(byAttribute ? 1 : 0);
        TestBody? test = null;
        if (rest.Positional.Length > 0)
        {
            string name = PythonTypes.RequireText(rest.Positional[0], "the name of a test");
            test = TestTable.Find(name) ?? throw new TemplateException($"no test named '{name}'");
            rest = rest.Skip(1);
        }

        foreach (object item in PythonIteration.Iterate(state, value))
        {
            object subject = path.Get(state, item);
            if ((test is null ? PythonTypes.Truth(subject) : test(state, subject, rest)) == keeps)
            {
                yield return item;
            }
        }
    }
}
