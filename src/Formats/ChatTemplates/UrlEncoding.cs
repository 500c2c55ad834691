using System.Globalization;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>The urlencode filter.</summary>
internal static class UrlEncoding
{
    public static object Filter(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("urlencode", 0);
        if (PythonTypes.TryText(value, out _) || PythonIteration.TryIterate(state, value) is null)
        {
            return Quote(state, value, forQuery: false);
        }

        object pairs = value is PyDict dict ? new PyDictView(dict, "items") : value;
        var parts = new List<string>();
        foreach (object pair in PythonIteration.Iterate(state, pairs))
        {
            if (PythonIteration.ToList(state, pair) is not [var key, var item])
            {
                throw new TemplateException("urlencode needs pairs");
            }

            parts.Add(Quote(state, key, forQuery: true) + "=" + Quote(state, item, forQuery: true));
        }

        string text = string.Join('&', parts);
        state.Make(text.Length);
        return text;
    }

    private static string Quote(RenderState state, object value, bool forQuery)
    {
        string text = PythonText.Str(state, value);
        state.Make(text.Length * 4L);
        var result = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            char c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '~' || (c == '/' && !forQuery))
            {
                result.Append(c);
            }
            else if (c == ' ' && forQuery)
            {
                result.Append('+');
            }
            else
            {
                result.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
            }
        }

        return result.ToString();
    }
}
