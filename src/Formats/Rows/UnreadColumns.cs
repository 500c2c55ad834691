using System.Text.Json;

namespace Rm.Formats.Rows;

/// <summary>Finds the columns of text or messages that a pair was not read from.</summary>
internal static class UnreadColumns
{
    /// <summary>
    /// Their names. Throws <see cref="UserInputException"/> naming one that looks like a part of the prompt and holds what the pair's turns
    /// do not: leaving it out in silence would train on another question.
    /// </summary>
    public static IReadOnlyList<string> Of(DataRow row, IReadOnlySet<string> used, RowKind kind, Conversation chosen, Conversation rejected)
    {
        List<string>? unread = null;
        foreach ((string name, JsonElement value) in row.Columns)
        {
            if (used.Contains(name) || PairColumns.IsAboutPair(name) || !HoldsText(value))
            {
                continue;
            }

            (unread ??= []).Add(name);
            if (kind is not (RowKind.TokenIds or RowKind.Shp) && PairColumns.LooksLikePrompt(name)
                && !IsAmongTurns(value, chosen, rejected))
            {
                throw row.Error(
                    name, "looks like a part of the prompt and would be left out. Say what it is: --prompt-column, --system-column, or "
                    + $"--ignore-columns {name} to train without it.");
            }
        }

        return unread ?? [];
    }

    private static bool HoldsText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => !value.ValueEquals(""),
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => true,
        _ => false,
    };

    // A copy of turns: every text in it is a part of one, or the other way round (a prompt that was rendered already).
    private static bool IsAmongTurns(JsonElement value, Conversation chosen, Conversation rejected)
    {
        string[] turns = [.. Contents(chosen).Concat(Contents(rejected)).Where(text => text.Length > 0)];
        return Texts(value).All(text => Array.Exists(turns, turn =>
            turn.Contains(text, StringComparison.Ordinal) || (turn.Length > 1 && text.Contains(turn, StringComparison.Ordinal))));
    }

    private static IEnumerable<string> Contents(Conversation side) =>
        side.Messages is { } turns ? turns.Select(turn => turn.Content) : [side.Text ?? ""];

    // Texts of a string or of messages; roles and the like are single words that do not matter.
    private static IEnumerable<string> Texts(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                string text = value.GetString()!.Trim();
                return text.Length > 0 ? [text] : [];
            case JsonValueKind.Array:
                return value.EnumerateArray().SelectMany(Texts);
            case JsonValueKind.Object:
                return value.EnumerateObject().Where(field => field.Name is "content" or "value" or "text")
                    .SelectMany(field => Texts(field.Value));
            default:
                return [];
        }
    }
}
