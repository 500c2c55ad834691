using System.Text;
using System.Text.RegularExpressions;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// The filter wordwrap: Python's textwrap.wrap on every line, with Jinja's settings (tabs and blanks are kept as they are).
/// </summary>
internal static partial class TextWrap
{
    public static object Filter(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens");
        int width = p[0] is null ? 79 : PythonTypes.RequireInt(p[0]!, "wordwrap's width");
        if (width <= 0)
        {
            throw new TemplateException("wordwrap's width must be above 0");
        }

        string separator = p[2] is null or PyNone ? "\n" : PythonTypes.RequireText(p[2]!, "wordwrap's wrapstring");
        var wrapper = new Wrapper(width, PythonTypes.Flag(p[1], absent: true), PythonTypes.Flag(p[3], absent: true));
        string text = PythonTypes.RequireText(value, "the input of wordwrap");
        state.Scan(text.Length);
        var result = new StringBuilder();
        List<object> lines = TextSplit.Lines(state, text, keepEnds: false);
        for (int i = 0; i < lines.Count; i++)
        {
            List<string> pieces = wrapper.Wrap((string)lines[i]);
            state.Step(pieces.Count);
            state.Write(result, (i > 0 ? separator : "") + string.Join(separator, pieces));
        }

        return result.ToString();
    }

    // textwrap's wordsep_re; its \w is Python's, letters and numbers of any kind and the underscore.
    [GeneratedRegex(
        """
        [\t\n\x0b\x0c\r\x20]+
        | (?<=[\p{L}\p{N}_!"'&.,?]) -{2,} (?=[\p{L}\p{N}_])
        | [^\t\n\x0b\x0c\r\x20]+? (?:
            -(?: (?<=[\p{L}\p{Nl}\p{No}_]{2}-) | (?<=[\p{L}\p{Nl}\p{No}_]-[\p{L}\p{N}_!"'&.,?]-) ) (?= [\p{L}\p{Nl}\p{No}_] -? [\p{L}\p{Nl}\p{No}_] )
          | (?=[\t\n\x0b\x0c\r\x20]|\z)
          | (?<=[\p{L}\p{N}_!"'&.,?]) (?=-{2,}[\p{L}\p{N}_])
          )
        """,
        RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(@"[\t\n\x0b\x0c\r ]+|[^\t\n\x0b\x0c\r ]+", RegexOptions.CultureInvariant)]
    private static partial Regex Blanks();

    private sealed class Wrapper(int width, bool breakLongWords, bool breakOnHyphens)
    {
        public List<string> Wrap(string text)
        {
            var chunks = new Stack<string>((breakOnHyphens ? Words() : Blanks()).Matches(text).Select(match => match.Value).Reverse());
            var lines = new List<string>();
            while (chunks.Count > 0)
            {
                if (lines.Count > 0 && IsBlank(chunks.Peek()))
                {
                    chunks.Pop();
                }

                var line = new List<string>();
                int length = 0;
                while (chunks.TryPeek(out string? next) && length + CodePoints.Count(next) <= width)
                {
                    line.Add(chunks.Pop());
                    length += CodePoints.Count(next);
                }

                if (chunks.TryPeek(out string? longWord) && CodePoints.Count(longWord) > width)
                {
                    Break(chunks, line, width - length);
                }

                if (line.Count > 0 && IsBlank(line[^1]))
                {
                    line.RemoveAt(line.Count - 1);
                }

                if (line.Count > 0)
                {
                    lines.Add(string.Concat(line));
                }
            }

            return lines;
        }

        // Puts as much of a word that fits no line on this one as there is room for, up to its last hyphen where it may break at one.
        private void Break(Stack<string> chunks, List<string> line, int room)
        {
            if (!breakLongWords)
            {
                if (line.Count == 0)
                {
                    line.Add(chunks.Pop());
                }

                return;
            }

            string word = chunks.Pop();
            int end = CodePoints.Offset(word, room);
            int hyphen = breakOnHyphens && end > 0 ? word.LastIndexOf('-', end - 1) : -1;
            if (hyphen > 0 && word.AsSpan(0, hyphen).IndexOfAnyExcept('-') >= 0)
            {
                end = hyphen + 1;
            }

            line.Add(word[..end]);
            chunks.Push(word[end..]);
        }

        private static bool IsBlank(string chunk) => chunk.All(CodePoints.IsSpace);
    }
}
