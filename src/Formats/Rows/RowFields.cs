using System.Globalization;
using System.Text.Json;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>Typed reading of a row's fields, with errors that name file, line and field.</summary>
internal static class RowFields
{
    /// <summary>A string field that must be there.</summary>
    public static string GetText(this DataRow row, string field) =>
        row.TryGet(field, out JsonElement value) ? Text(row, field, value) : throw Missing(row, field);

    /// <summary>A string field, or null when it is absent; a number is taken by its digits.</summary>
    public static string? GetOptionalText(this DataRow row, string field)
    {
        if (!row.TryGet(field, out JsonElement value))
        {
            return null;
        }
        return value.ValueKind == JsonValueKind.Number ? value.GetRawText() : Text(row, field, value);
    }

    /// <summary>A finite number, also written as a string (CSV knows nothing else), or null when absent or empty.</summary>
    public static double? GetOptionalNumber(this DataRow row, string field)
    {
        if (!row.TryGet(field, out JsonElement value))
        {
            return null;
        }
        string text = value.ValueKind == JsonValueKind.Number ? value.GetRawText() : Text(row, field, value, "a number").Trim();
        if (text.Length == 0)
        {
            return null;
        }
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number
            : throw row.Error(field, $"must be a finite number, not {Quote(text)}.");
    }

    /// <summary>A list of token ids; at least one, none negative.</summary>
    public static int[] GetTokenIds(this DataRow row, string field)
    {
        JsonElement list = GetList(row, field, "a list of token ids");
        int[] ids = new int[list.GetArrayLength()];
        int count = 0;
        foreach (JsonElement item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out int id) || id < 0)
            {
                throw row.Error(field, $"item {count} must be a token id (a whole number from 0), not {Quote(item.GetRawText())}.");
            }
            ids[count++] = id;
        }
        return count > 0 ? ids : throw row.Error(field, "the list of token ids is empty.");
    }

    /// <summary>A list of {"role", "content"} objects; at least one.</summary>
    public static IReadOnlyList<ChatMessage> GetMessages(this DataRow row, string field)
    {
        JsonElement list = GetList(row, field, "a list of messages");
        var messages = new List<ChatMessage>(list.GetArrayLength());
        foreach (JsonElement item in list.EnumerateArray())
        {
            string place = $"{field}[{messages.Count}]";
            if (item.ValueKind != JsonValueKind.Object)
            {
                throw row.Error(place, $"must be an object with \"role\" and \"content\", not {DataRow.Describe(item.ValueKind)}.");
            }
            string role = Text(row, place + ".role", Member(row, place, item, "role"));
            if (role.Length == 0)
            {
                throw row.Error(place + ".role", "is empty; it must be system, user, assistant or what the chat template knows.");
            }
            messages.Add(new ChatMessage(role, Content(row, place, item)));
        }
        return messages.Count > 0 ? messages : throw row.Error(field, "the list of messages is empty.");
    }

    /// <summary>True when the field holds a list rather than a string.</summary>
    public static bool IsList(this DataRow row, string field) =>
        row.TryGet(field, out JsonElement value) && value.ValueKind == JsonValueKind.Array;

    // Content is a string or, as chat APIs write it, a list of parts of type text.
    private static string Content(DataRow row, string place, JsonElement message)
    {
        JsonElement content = Member(row, place, message, "content");
        string field = place + ".content";
        if (content.ValueKind != JsonValueKind.Array)
        {
            return Text(row, field, content);
        }
        var parts = new List<string>();
        foreach (JsonElement part in content.EnumerateArray())
        {
            if (part.ValueKind != JsonValueKind.Object || !TryMember(row, field, part, "type", out JsonElement type)
                || type.ValueKind != JsonValueKind.String || Text(row, field, type) != "text")
            {
                throw row.Error(field, $"part {parts.Count} must be an object of \"type\": \"text\"; other media cannot be scored.");
            }
            parts.Add(Text(row, field, Member(row, field, part, "text")));
        }
        return string.Concat(parts);
    }

    private static JsonElement Member(DataRow row, string place, JsonElement item, string name) =>
        TryMember(row, place, item, name, out JsonElement value) ? value : throw row.Error(place, $"has no \"{name}\".");

    private static bool TryMember(DataRow row, string place, JsonElement item, string name, out JsonElement value)
    {
        try
        {
            return item.TryGetProperty(name, out value);
        }
        catch (InvalidOperationException e)
        {
            throw row.Error(place, "a key is not valid Unicode text.", e);
        }
    }

    // CSV has no lists: a field that can be nothing else is then JSON in a string.
    private static JsonElement GetList(DataRow row, string field, string what)
    {
        if (!row.TryGet(field, out JsonElement value))
        {
            throw Missing(row, field);
        }
        if (row.IsText && value.ValueKind == JsonValueKind.String)
        {
            try
            {
                value = JsonElement.Parse(value.GetString()!);
            }
            catch (JsonException e)
            {
                throw row.Error(field, $"must hold {what} as JSON.", e);
            }
        }
        return value.ValueKind == JsonValueKind.Array
            ? value
            : throw row.Error(field, $"must be {what}, not {DataRow.Describe(value.ValueKind)}.");
    }

    private static string Text(DataRow row, string field, JsonElement value, string what = "a string")
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            throw row.Error(field, $"must be {what}, not {DataRow.Describe(value.ValueKind)}.");
        }
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw row.Error(field, "is not valid Unicode text (half of a surrogate pair).", e);
        }
    }

    private static UserInputException Missing(DataRow row, string field) =>
        row.Error(field, $"is missing or null. The row has {Names.List(row.ColumnNames)}.");

    private static string Quote(string text) => text.Length <= 40 ? $"'{text}'" : $"'{text.AsSpan(0, 37)}...'";
}
