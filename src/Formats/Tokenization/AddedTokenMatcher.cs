using System.Buffers;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Finds added tokens in a text: the leftmost match, and of those that begin there the longest, as Hugging Face does. A trie behind a
/// vectorised search for first characters.
/// </summary>
internal sealed class AddedTokenMatcher
{
    private readonly Dictionary<(int Node, char Next), int> edges = [];
    private readonly List<AddedToken?> tokenAt = [null]; // [node]
    private readonly SearchValues<char> firstChars;

    private readonly bool passSpecial;

    /// <summary>A matcher for tokens given with the text to look for, which is never empty.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="passSpecial">Leaves special tokens as the text that they are.</param>
    public AddedTokenMatcher(IEnumerable<(string Text, AddedToken Token)> tokens, bool passSpecial)
    {
        this.passSpecial = passSpecial;
        var first = new HashSet<char>();
        foreach ((string text, AddedToken token) in tokens)
        {
            first.Add(text[0]);
            int node = 0;
            foreach (char c in text)
            {
                if (!edges.TryGetValue((node, c), out int child))
                {
                    child = tokenAt.Count;
                    tokenAt.Add(null);
                    edges.Add((node, c), child);
                }

                node = child;
            }

            tokenAt[node] = token;
        }

        firstChars = SearchValues.Create([.. first]);
    }

    /// <summary>True when there is nothing to match.</summary>
    public bool IsEmpty => edges.Count == 0;

    /// <summary>The next match at or after <paramref name="searchFrom"/>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="searchFrom">Where to search; set behind the match itself, before what <c>rstrip</c> takes.</param>
    /// <param name="consumed">Where the last match ended; <c>lstrip</c> takes no white space before it.</param>
    /// <param name="match">The token and the range that it takes, stripped white space included.</param>
    public bool TryNext(ReadOnlySpan<char> text, ref int searchFrom, int consumed, out Match match)
    {
        while (searchFrom < text.Length)
        {
            int skip = text[searchFrom..].IndexOfAny(firstChars);
            if (skip < 0)
            {
                break;
            }

            int start = searchFrom + skip;
            AddedToken? token = LongestAt(text, start, out int end);
            if (token is null)
            {
                searchFrom = start + 1;
                continue;
            }

            searchFrom = end;
            if (passSpecial && token.Special)
            {
                continue;
            }

            if (token.SingleWord && (EndsInWord(text[..start]) || StartsWithWord(text[end..])))
            {
                continue;
            }

            match = new Match(
                token,
                token.LeftStrip ? Math.Max(TrimmedEnd(text, start), consumed) : start,
                token.RightStrip ? SkipWhiteSpace(text, end) : end);
            return true;
        }

        match = default;
        return false;
    }

    private AddedToken? LongestAt(ReadOnlySpan<char> text, int start, out int end)
    {
        AddedToken? longest = null;
        end = start;
        int node = 0;
        for (int i = start; i < text.Length && edges.TryGetValue((node, text[i]), out node); i++)
        {
            if (tokenAt[node] is { } token)
            {
                longest = token;
                end = i + 1;
            }
        }

        return longest;
    }

    private static int TrimmedEnd(ReadOnlySpan<char> text, int end)
    {
        while (end > 0 && Scalars.IsWhiteSpace(text[end - 1]))
        {
            end--;
        }

        return end;
    }

    private static int SkipWhiteSpace(ReadOnlySpan<char> text, int start)
    {
        while (start < text.Length && Scalars.IsWhiteSpace(text[start]))
        {
            start++;
        }

        return start;
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        !text.IsEmpty && CharClass.RegexWord.Contains(Scalars.At(text, Scalars.Before(text, text.Length), out _));

    private static bool StartsWithWord(ReadOnlySpan<char> text) =>
        !text.IsEmpty && CharClass.RegexWord.Contains(Scalars.At(text, 0, out _));

    /// <summary>A match: the token, and the range [Start, End) of the text that it takes.</summary>
    internal readonly record struct Match(AddedToken Token, int Start, int End);
}
