using System.Text.Json;

namespace Rm.Formats.Json;

/// <summary>Typed reads from one JSON object; null counts as absent. Errors name the file and the field.</summary>
internal readonly struct JsonFields(JsonElement element, string fileName, string prefix = "")
{
    /// <summary>The object itself.</summary>
    public JsonElement Element => element;

    /// <summary>The value of a field that is there and not null.</summary>
    public JsonElement? Find(string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>True when the field is there and holds something: not null, false, 0-length text, [] or {}.</summary>
    public bool IsSet(string name) => Find(name) is { } value && value.ValueKind switch
    {
        JsonValueKind.False => false,
        JsonValueKind.String => value.GetString()!.Length > 0,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        _ => true,
    };

    public int Int(string name, int min, int max, int? fallback = null)
    {
        if (Find(name) is not { } value)
        {
            return fallback ?? throw Missing(name);
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= min && number <= max
            ? number
            : throw Wrong(name, value, $"a whole number from {min} to {max}");
    }

    public int? OptionalInt(string name, int min, int max) => Find(name) is null ? null : Int(name, min, max);

    public double Double(string name, double min, double max, double? fallback = null)
    {
        if (Find(name) is not { } value)
        {
            return fallback ?? throw Missing(name);
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= min && number <= max
            ? number
            : throw Wrong(name, value, $"a number from {min} to {max}");
    }

    public bool Bool(string name, bool fallback)
    {
        if (Find(name) is not { } value)
        {
            return fallback;
        }

        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Wrong(name, value, "true or false");
    }

    public string? OptionalString(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, value, "a text");
    }

    public IReadOnlyList<string>? OptionalStrings(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        if (value.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, value, "a list of texts");
        }

        var items = new List<string>(value.GetArrayLength());
        foreach (JsonElement item in value.EnumerateArray())
        {
            items.Add(item.ValueKind == JsonValueKind.String ? item.GetString()! : throw Wrong(name, value, "a list of texts"));
        }

        return items;
    }

    public JsonFields? OptionalObject(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.Object
            ? new JsonFields(value, fileName, $"{prefix}{name}.")
            : throw Wrong(name, value, "an object");
    }

    /// <summary>An error about a field's value: "FILE: field NAME ...".</summary>
    public UserInputException Error(string name, string message) => new($"{fileName}: {prefix}{name} {message}");

    public UserInputException Wrong(string name, JsonElement value, string expected) =>
        Error(name, $"is {JsonInput.Describe(value)}; expected {expected}.");

    private UserInputException Missing(string name) => Error(name, "is missing.");
}
