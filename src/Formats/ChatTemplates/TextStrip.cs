namespace Rm.Formats.ChatTemplates;

/// <summary>str.strip and its one-sided forms.</summary>
internal static class TextStrip
{
    /// <summary>Text without the given characters (whitespace by default) at its ends.</summary>
    public static string Strip(RenderState state, string text, object? chars, bool left, bool right)
    {
        string? set = chars is null or PyNone ? null : PythonTypes.RequireText(chars, "the characters to strip");
        state.Scan(text.Length + (set?.Length ?? 0));
        (int start, int end) = (0, text.Length);
        HashSet<int>? points = set is null ? null : CodePoints.ToArray(set).ToHashSet();
        while (left && start < end && Matches(text, start, points, out int width))
        {
            start += width;
        }

        while (right && end > start)
        {
            int at = end - (end - start > 1 && CodePoints.WidthAt(text, end - 2) == 2 ? 2 : 1);
            if (!Matches(text, at, points, out _))
            {
                break;
            }

            end = at;
        }

        state.Make(end - start);
        return text[start..end];
    }

    private static bool Matches(string text, int offset, HashSet<int>? points, out int width)
    {
        width = CodePoints.WidthAt(text, offset);
        return points is null
            ? CodePoints.IsSpace(text[offset])
            : points.Contains(width == 2 ? char.ConvertToUtf32(text[offset], text[offset + 1]) : text[offset]);
    }
}
