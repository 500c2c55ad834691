using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>str.center, ljust, rjust, zfill and expandtabs.</summary>
internal static class TextPadding
{
    public static object Pad(RenderState state, string text, CallArguments arguments, string side)
    {
        object?[] p = arguments.Bind(side, 1, "width", "fillchar");
        int width = PythonTypes.RequireInt(p[0]!, "a width");
        string fill = p[1] is null ? " " : PythonTypes.RequireText(p[1]!, "a fill character");
        return fill.Length == 1
            ? Pad(state, text, width, fill[0], side)
            : throw new TemplateException("the fill character must be exactly one character (of the basic plane)");
    }

    public static string Pad(RenderState state, string text, int width, char fill, string side)
    {
        long missing = Math.Max(0, (long)width - CodePoints.Count(text));
        state.Make(text.Length + missing);

        // CPython puts the odd one of center left only when the width is odd too.
        long left = side == "rjust" ? missing : side == "ljust" ? 0 : missing / 2 + (missing & width & 1);
        return new string(fill, (int)left) + text + new string(fill, (int)(missing - left));
    }

    public static object ZeroFill(RenderState state, string text, CallArguments arguments)
    {
        int width = PythonTypes.RequireInt(arguments.Bind("zfill", 1, "width")[0]!, "a width");
        long missing = Math.Max(0, (long)width - CodePoints.Count(text));
        state.Make(text.Length + missing);
        int sign = text.Length > 0 && text[0] is ('+' or '-') ? 1 : 0;
        return text[..sign] + new string('0', (int)missing) + text[sign..];
    }

    public static object ExpandTabs(RenderState state, string text, CallArguments arguments)
    {
        int size = arguments.Bind("expandtabs", 0, "tabsize")[0] is { } value ? PythonTypes.RequireInt(value, "a tab size") : 8;
        var result = new StringBuilder();
        int column = 0;
        foreach (string point in CodePoints.Each(text))
        {
            if (point == "\t")
            {
                int blanks = size > 0 ? size - column % size : 0;
                if (blanks + (long)result.Length > TemplateLimits.TextCharacters)
                {
                    throw new TemplateException($"a text is longer than {TemplateLimits.TextCharacters} characters");
                }

                result.Append(' ', blanks);
                column += blanks;
            }
            else
            {
                result.Append(point);
                column = point is "\n" or "\r" ? 0 : column + 1;
            }
        }

        state.Make(result.Length);
        return result.ToString();
    }
}
