using System.Text.Json;
using System.Text.RegularExpressions;
using Rm.Formats.Json;

namespace Rm.Formats.Rows;

/// <summary>
/// Opens columns that hold messages as JSON in a string: CSV has nothing else, and data frames write them so into other files. Taken as
/// text, the model would be trained on brackets and quotes.
/// </summary>
internal static partial class MessageTexts
{
    private static readonly string[] Rankings = ["answers", "completions"];

    /// <summary>
    /// The row with such columns as lists. Two sides are opened together or not at all, so that one answer that happens to be JSON stays
    /// text. Throws <see cref="UserInputException"/> for messages as Python prints them, which is no JSON.
    /// </summary>
    public static DataRow Open(DataRow row, RowColumns columns)
    {
        var opened = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        string? prompt = columns.Prompt ?? PairColumns.Prompts.FirstOrDefault(row.Has);
        foreach (string[] group in PairColumns.Answers)
        {
            RefusePythonPrint(row, group);
            OpenMessages(row, group, opened);
        }

        if (prompt is not null)
        {
            RefusePythonPrint(row, [prompt]);
        }

        foreach (string field in PairColumns.Prompts.Append(prompt).OfType<string>().Append("rejected_messages"))
        {
            OpenMessages(row, [field], opened);
        }

        foreach (string field in Rankings)
        {
            if (Parse(row, field) is { ValueKind: JsonValueKind.Array } list
                && list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.Object))
            {
                opened[field] = list;
            }
        }

        if (row.IsText && Parse(row, "history") is { ValueKind: JsonValueKind.Array } history)
        {
            opened["history"] = history;
        }

        return opened.Count == 0 ? row : row.With(opened);
    }

    private static void OpenMessages(DataRow row, string[] group, Dictionary<string, JsonElement> opened)
    {
        var values = new List<JsonElement>(group.Length);
        foreach (string field in group)
        {
            if (Parse(row, field) is not { } value || !IsMessages(value))
            {
                return;
            }

            values.Add(value);
        }

        foreach ((string field, JsonElement value) in group.Zip(values))
        {
            opened[field] = value;
        }
    }

    // The list or object that a string is; null when it is none.
    private static JsonElement? Parse(DataRow row, string field)
    {
        if (Text(row, field) is not { } text || text.AsSpan().TrimStart() is not ['[' or '{', ..])
        {
            return null;
        }

        try
        {
            var value = JsonElement.Parse(text);
            JsonInput.CheckText(value);
            return value;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string? Text(DataRow row, string field)
    {
        try
        {
            return row.TryGet(field, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null; // Not valid Unicode: whoever reads the field says so.
        }
    }

    private static bool IsMessages(JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? value.GetArrayLength() > 0 && value.EnumerateArray().All(IsMessage)
        : IsMessage(value);

    private static bool IsMessage(JsonElement item) => item.ValueKind == JsonValueKind.Object
        && ((item.TryGetProperty("role", out _) && (item.TryGetProperty("content", out _) || item.TryGetProperty("tool_calls", out _)))
            || (item.TryGetProperty("from", out _) && item.TryGetProperty("value", out _)));

    private static void RefusePythonPrint(DataRow row, string[] group)
    {
        if (Array.TrueForAll(group, field => Text(row, field) is { } text && PythonPrint.IsMatch(text)))
        {
            throw row.Error(
                group[0], "holds messages as Python prints them, which is not JSON. Write them as a list, or as JSON (json.dumps).");
        }
    }

    [GeneratedRegex(@"^\s*\[?\s*\{\s*'(role|content|from|value)'\s*:", RegexOptions.CultureInvariant)]
    private static partial Regex PythonPrint { get; }
}
