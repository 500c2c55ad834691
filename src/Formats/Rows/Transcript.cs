using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>
/// Transcripts as HH-RLHF writes them. A turn begins at "\n\nHuman:" or "\n\nAssistant:"; one following space belongs to the marker;
/// everything up to the next marker is the turn's content, verbatim.
/// </summary>
internal static class Transcript
{
    private static readonly (string Marker, string Role)[] Markers = [("\n\nHuman:", "user"), ("\n\nAssistant:", "assistant")];

    /// <summary>
    /// The turns and the index in <paramref name="text"/> where the last turn's content begins; false when the text does not begin
    /// with a marker (its line ends may be missing there) or has no assistant turn.
    /// </summary>
    public static bool TryParse(string text, out IReadOnlyList<ChatMessage> messages, out int lastContentStart)
    {
        var turns = new List<ChatMessage>();
        messages = turns;
        lastContentStart = 0;
        if (!TryFirst(text, out string role, out int contentStart))
        {
            return false;
        }

        while (true)
        {
            bool more = TryNext(text, contentStart, out string nextRole, out int end, out int nextStart);
            turns.Add(new ChatMessage(role, text[contentStart..end]));
            lastContentStart = contentStart;
            if (!more)
            {
                return turns.Exists(turn => turn.Role == "assistant");
            }

            (role, contentStart) = (nextRole, nextStart);
        }
    }

    /// <summary>
    /// The turns of a prompt: those of a transcript, an assistant's marker at its end being the place of the answer; one user turn for any
    /// other text.
    /// </summary>
    public static IReadOnlyList<ChatMessage> ParsePrompt(string text)
    {
        if (!TryFirst(text, out _, out _))
        {
            return [new ChatMessage("user", text)];
        }

        if (TryParse(text, out IReadOnlyList<ChatMessage> turns, out _) && turns.Count > 1 && turns[^1] is { Role: "assistant" } last
            && string.IsNullOrWhiteSpace(last.Content))
        {
            return [.. turns.Take(turns.Count - 1)];
        }

        return turns;
    }

    /// <summary>
    /// Where the content of the last turn begins whose marker lies within the first <paramref name="length"/> characters; 0 without one.
    /// </summary>
    public static int LastContentStart(string text, int length)
    {
        int start = 0;
        foreach ((string marker, _) in Markers)
        {
            int found = text.AsSpan(0, length).LastIndexOf(marker, StringComparison.Ordinal);
            start = Math.Max(start, found < 0 ? 0 : AfterSpace(text, found + marker.Length));
        }

        return start;
    }

    private static bool TryFirst(string text, out string role, out int contentStart)
    {
        int lineEnds = text.AsSpan().IndexOfAnyExcept('\n');
        foreach ((string marker, string markerRole) in Markers)
        {
            if (lineEnds >= 0 && text.AsSpan(lineEnds).StartsWith(marker.AsSpan(2), StringComparison.Ordinal))
            {
                role = markerRole;
                contentStart = AfterSpace(text, lineEnds + marker.Length - 2);
                return true;
            }
        }

        (role, contentStart) = ("", 0);
        return false;
    }

    // The nearest marker at or after `from`; its index is the end of the running content, the text's end without one.
    private static bool TryNext(string text, int from, out string role, out int index, out int contentStart)
    {
        (role, index, contentStart) = ("", text.Length, text.Length);
        foreach ((string marker, string markerRole) in Markers)
        {
            int found = text.IndexOf(marker, from, StringComparison.Ordinal);
            if (found >= 0 && found < index)
            {
                (role, index, contentStart) = (markerRole, found, AfterSpace(text, found + marker.Length));
            }
        }

        return role.Length > 0;
    }

    private static int AfterSpace(string text, int index) => index < text.Length && text[index] == ' ' ? index + 1 : index;
}
