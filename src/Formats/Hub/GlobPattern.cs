namespace Rm.Formats.Hub;

/// <summary>Patterns over paths: <c>*</c> and <c>?</c> within a part, <c>**</c> over any number of parts.</summary>
internal static class GlobPattern
{
    /// <summary>True when the pattern describes the whole path, or a folder above it.</summary>
    public static bool IsMatch(string pattern, string path)
    {
        string[] p = [.. pattern.Split('/').Where(part => part is not ("" or "."))];
        string[] s = path.Split('/');
        bool isFolder = !p.Any(part => part.Contains('*', StringComparison.Ordinal) || part.Contains('?', StringComparison.Ordinal));

        // matches[j]: the pattern's first parts describe the path's first j parts. One row a part keeps hostile patterns cheap.
        bool[] matches = new bool[s.Length + 1];
        matches[0] = true;
        foreach (string part in p)
        {
            bool[] next = new bool[s.Length + 1];
            for (int j = 0; j <= s.Length; j++)
            {
                next[j] = part == "**"
                    ? matches[j] || (j > 0 && next[j - 1])
                    : j > 0 && matches[j - 1] && IsPartMatch(part, s[j - 1]);
            }

            matches = next;
        }

        return matches[s.Length] || (isFolder && p.Length > 0 && Array.IndexOf(matches, true) == p.Length);
    }

    // On a mismatch only the last star grows, which is enough and keeps the time within the product of the lengths.
    private static bool IsPartMatch(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        int i = 0, j = 0, star = -1, mark = 0;
        while (j < text.Length)
        {
            if (i < pattern.Length && pattern[i] == '*')
            {
                (star, mark) = (i++, j);
            }
            else if (i < pattern.Length && (pattern[i] == '?' || pattern[i] == text[j]))
            {
                (i, j) = (i + 1, j + 1);
            }
            else if (star >= 0)
            {
                (i, j) = (star + 1, ++mark);
            }
            else
            {
                return false;
            }
        }

        return pattern[i..].TrimStart('*').IsEmpty;
    }
}
