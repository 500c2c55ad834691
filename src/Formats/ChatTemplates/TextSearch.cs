namespace Rm.Formats.ChatTemplates;

/// <summary>Substring search in linear time: a short needle by the runtime's vector search, a long one by Knuth-Morris-Pratt.</summary>
internal static class TextSearch
{
    private const int ShortNeedle = 32;

    /// <summary>First offset at or after <paramref name="start"/>, or -1.</summary>
    public static int IndexOf(RenderState state, string text, string needle, int start)
    {
        if (needle.Length > text.Length - start)
        {
            return -1;
        }

        int found = needle.Length <= ShortNeedle
            ? text.IndexOf(needle, start, StringComparison.Ordinal)
            : KnuthMorrisPratt(text.AsSpan(start), needle) is var i and >= 0 ? i + start : -1;
        state.Scan((found < 0 ? text.Length : found) - start + needle.Length);
        return found;
    }

    /// <summary>Last offset of a match that ends at or before <paramref name="end"/>, or -1.</summary>
    public static int LastIndexOf(RenderState state, string text, string needle, int end)
    {
        state.Scan((long)end + needle.Length);
        if (needle.Length > end)
        {
            return -1;
        }

        if (needle.Length <= ShortNeedle)
        {
            return text.AsSpan(0, end).LastIndexOf(needle);
        }

        char[] reversedText = text[..end].ToCharArray();
        char[] reversedNeedle = needle.ToCharArray();
        state.Make(end + (long)needle.Length);
        Array.Reverse(reversedText);
        Array.Reverse(reversedNeedle);
        int at = KnuthMorrisPratt(reversedText, reversedNeedle);
        return at < 0 ? -1 : end - at - needle.Length;
    }

    private static int KnuthMorrisPratt(ReadOnlySpan<char> text, ReadOnlySpan<char> needle)
    {
        // border[i]: length of the longest proper border of needle[..(i + 1)].
        int[] border = new int[needle.Length];
        for (int i = 1, k = 0; i < needle.Length; i++)
        {
            while (k > 0 && needle[i] != needle[k])
            {
                k = border[k - 1];
            }

            border[i] = needle[i] == needle[k] ? ++k : k;
        }

        for (int i = 0, k = 0; i < text.Length; i++)
        {
            while (k > 0 && text[i] != needle[k])
            {
                k = border[k - 1];
            }

            if (text[i] == needle[k] && ++k == needle.Length)
            {
                return i - k + 1;
            }
        }

        return -1;
    }
}
