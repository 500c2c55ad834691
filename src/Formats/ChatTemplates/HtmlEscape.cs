using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>The escape filter's five replacements.</summary>
internal static class HtmlEscape
{
    public static string Escape(RenderState state, string text)
    {
        if (text.AsSpan().IndexOfAny("&<>'\"") < 0)
        {
            return text;
        }

        var result = new StringBuilder(text.Length + 16);
        foreach (char c in text)
        {
            _ = c switch
            {
                '&' => result.Append("&amp;"),
                '<' => result.Append("&lt;"),
                '>' => result.Append("&gt;"),
                '\'' => result.Append("&#39;"),
                '"' => result.Append("&#34;"),
                _ => result.Append(c),
            };
        }

        state.Make(result.Length);
        return result.ToString();
    }
}
