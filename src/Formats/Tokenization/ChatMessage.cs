using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">system, user, assistant or what the template knows.</param>
/// <param name="Content">
/// Its text: the content, or the texts of its parts in one; empty where a message has none beside its tool calls.
/// </param>
public sealed record ChatMessage(string Role, string Content)
{
    // What a model says besides the content. Fields beyond these (name, ids, dates) are about the message.
    private static readonly string[] Speech = ["tool_calls", "function_call", "reasoning_content", "reasoning", "thinking"];

    /// <summary>
    /// The whole message as JSON, without fields that are null, which transformers 5.24 keeps from templates too; null for a message that
    /// is its role and a content string.
    /// </summary>
    public string? Json { get; init; }

    /// <summary>What tells this message from another of the same role: its content, or all of it where it has more.</summary>
    public string Identity => Json ?? Content;

    /// <summary>True when the content is a list of parts. Reads the JSON: for error messages.</summary>
    public bool HasParts()
    {
        if (Json is null)
        {
            return false;
        }

        using var message = JsonDocument.Parse(Json);
        return message.RootElement.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.Array;
    }

    /// <summary>True for a field that holds something the model said besides its content.</summary>
    public static bool IsSpeech(string field) => Speech.Contains(field);

    /// <summary>Names of the fields that hold what the model said besides its content.</summary>
    public IReadOnlyList<string> SpeechFields()
    {
        if (Json is null)
        {
            return [];
        }

        using var message = JsonDocument.Parse(Json);
        return [.. message.RootElement.EnumerateObject().Where(field => IsSpeech(field.Name) && !IsEmpty(field.Value))
            .Select(field => field.Name)];
    }

    /// <summary>
    /// The same turn saying only <paramref name="content"/>: what else was said is gone, what is said about the turn stays, and a list of
    /// parts stays a list.
    /// </summary>
    public ChatMessage WithContent(string content)
    {
        if (Json is null)
        {
            return this with { Content = content };
        }

        using var message = JsonDocument.Parse(Json);
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            bool hasContent = message.RootElement.TryGetProperty("content", out JsonElement given);
            writer.WriteStartObject();
            foreach (JsonProperty field in message.RootElement.EnumerateObject())
            {
                if (field.Name == "content")
                {
                    WriteContent(writer, content, given);
                }
                else if (!IsSpeech(field.Name))
                {
                    field.WriteTo(writer);
                    if (field.Name == "role" && !hasContent)
                    {
                        writer.WriteString("content", content);
                    }
                }
            }

            writer.WriteEndObject();
        }

        return this with { Content = content, Json = Encoding.UTF8.GetString(buffer.WrittenSpan) };
    }

    private static void WriteContent(Utf8JsonWriter writer, string content, JsonElement given)
    {
        if (given.ValueKind != JsonValueKind.Array)
        {
            writer.WriteString("content", content);
            return;
        }

        writer.WriteStartArray("content");
        writer.WriteStartObject();
        writer.WriteString("type", "text");
        writer.WriteString("text", content);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    private static bool IsEmpty(JsonElement value) =>
        value is { ValueKind: JsonValueKind.Null } or { ValueKind: JsonValueKind.Array } && value.GetArrayLength() == 0
        || value.ValueKind == JsonValueKind.String && value.GetString()!.Length == 0;
}
