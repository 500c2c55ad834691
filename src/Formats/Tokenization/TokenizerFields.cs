using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Typed access to the fields of a tokenizer file; every error is an <see cref="InvalidDataException"/> that names the field.
/// </summary>
internal static class TokenizerFields
{
    /// <summary>The field, or null when it is absent or null.</summary>
    public static JsonElement? Optional(this JsonElement owner, string path, string name)
    {
        if (owner.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{path} is {Describe(owner)} where an object is expected");
        }

        return owner.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>A field that must be there.</summary>
    public static JsonElement Required(this JsonElement owner, string path, string name) =>
        owner.Optional(path, name) ?? throw new InvalidDataException($"{path}.{name} is missing");

    /// <summary>A required string.</summary>
    public static string RequiredString(this JsonElement owner, string path, string name) =>
        owner.Required(path, name) is { ValueKind: JsonValueKind.String } value
            ? value.GetString()!
            : throw new InvalidDataException($"{path}.{name} is not a string");

    /// <summary>A string, or null when absent.</summary>
    public static string? OptionalString(this JsonElement owner, string path, string name) =>
        owner.Optional(path, name) is null ? null : owner.RequiredString(path, name);

    /// <summary>true or false, or the default when absent.</summary>
    public static bool Flag(this JsonElement owner, string path, string name, bool otherwise) =>
        owner.Optional(path, name) switch
        {
            null => otherwise,
            { ValueKind: JsonValueKind.True } => true,
            { ValueKind: JsonValueKind.False } => false,
            _ => throw new InvalidDataException($"{path}.{name} is not true or false"),
        };

    /// <summary>A token id.</summary>
    public static int TokenId(this JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and < Vocabulary.MaxIds
            ? id
            : throw new InvalidDataException($"{path} is not a token id (a whole number from 0 to {Vocabulary.MaxIds - 1})");

    /// <summary>The items of a required array, with their paths.</summary>
    public static IEnumerable<(JsonElement Item, string Path)> RequiredArray(this JsonElement owner, string path, string name)
    {
        JsonElement array = owner.Required(path, name);
        if (array.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"{path}.{name} is {Describe(array)} where an array is expected");
        }

        return array.EnumerateArray().Select((item, index) => (item, $"{path}.{name}[{index}]"));
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
