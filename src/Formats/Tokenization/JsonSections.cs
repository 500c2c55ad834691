using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>Where the members of a JSON object lie in the file, so that they can be read in the order that suits, without a DOM.</summary>
internal sealed class JsonSections
{
    private readonly ReadOnlyMemory<byte> json;
    private readonly Dictionary<string, (int Start, int Length)> ranges = new(StringComparer.Ordinal);
    private readonly string path;

    /// <summary>Indexes the object that is all of <paramref name="json"/>. Checks the syntax of everything in it.</summary>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    /// <exception cref="InvalidDataException">It is JSON, but not an object.</exception>
    public JsonSections(ReadOnlyMemory<byte> json, string path)
    {
        this.json = json;
        this.path = path;
        var reader = new Utf8JsonReader(json.Span);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new InvalidDataException($"{path} is not an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            bool isNull = reader.TokenType == JsonTokenType.Null;
            reader.Skip();
            ranges.Remove(name);
            if (!isNull)
            {
                ranges.Add(name, (start, (int)reader.BytesConsumed - start));
            }
        }

        reader.Read(); // throws when more text follows
    }

    /// <summary>The text of a member that must be there and not null.</summary>
    public ReadOnlyMemory<byte> Required(string name) => ranges.TryGetValue(name, out (int Start, int Length) range)
        ? json.Slice(range.Start, range.Length)
        : throw new InvalidDataException($"{path}.{name} is missing");

    /// <summary>A member as a DOM, for the small ones; null when it is absent or null.</summary>
    public JsonElement? Element(string name) => ranges.TryGetValue(name, out (int Start, int Length) range)
        ? JsonElement.Parse(json.Span.Slice(range.Start, range.Length))
        : null;

    /// <summary>An object member by its sections.</summary>
    public JsonSections Sections(string name) => new(Required(name), $"{path}.{name}");
}
