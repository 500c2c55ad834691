using System.Globalization;
using System.Text.Json;

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

    /// <summary>True when the field holds a list rather than a string.</summary>
    public static bool IsList(this DataRow row, string field) =>
        row.TryGet(field, out JsonElement value) && value.ValueKind == JsonValueKind.Array;

    /// <summary>True when the field holds a list that can be one of strings only: an empty one, or one with a string in it.</summary>
    public static bool IsTextList(this DataRow row, string field) =>
        row.TryGet(field, out JsonElement value) && value.ValueKind == JsonValueKind.Array
        && (value.GetArrayLength() == 0 || value.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String));

    /// <summary>The strings of a list.</summary>
    public static IReadOnlyList<string> GetTexts(this DataRow row, string field) =>
        [.. row.GetList(field, "a list of strings").EnumerateArray().Select((item, i) => row.Text($"{field}[{i}]", item))];

    /// <summary>True when the field holds an object.</summary>
    public static bool IsObject(this DataRow row, string field) =>
        row.TryGet(field, out JsonElement value) && value.ValueKind == JsonValueKind.Object;

    /// <summary>A member of an object within a field; <paramref name="place"/> is its path.</summary>
    public static JsonElement Member(this DataRow row, string place, JsonElement item, string name) =>
        row.TryMember(place, item, name, out JsonElement value) ? value : throw row.Error(place, $"has no \"{name}\".");

    /// <summary>A member of an object within a field, if it has one.</summary>
    public static bool TryMember(this DataRow row, string place, JsonElement item, string name, out JsonElement value)
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

    /// <summary>A list. CSV has none: a field that can be nothing else is then JSON in a string.</summary>
    public static JsonElement GetList(this DataRow row, string field, string what)
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

    /// <summary>The text of a JSON string.</summary>
    public static string Text(this DataRow row, string field, JsonElement value, string what = "a string")
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
