using System.Buffers;
using System.Text;
using System.Text.Json;
using Rm.Formats.Json;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>Reads lists of messages with all their fields, and the columns that go with them to a chat template.</summary>
internal static class MessageFields
{
    // Parameters of the call that renders, which a row cannot set as variables.
    private static readonly string[] Reserved =
        ["messages", "conversation", "tools", "add_generation_prompt", "continue_final_message", "tokenize", "chat_template"];

    /// <summary>A list of {"role", "content"} objects; at least one.</summary>
    public static IReadOnlyList<ChatMessage> GetMessages(this DataRow row, string field) =>
        row.ReadMessages(field, row.GetList(field, "a list of messages"));

    /// <summary>The messages of a list that lies in a field.</summary>
    public static IReadOnlyList<ChatMessage> ReadMessages(this DataRow row, string field, JsonElement list)
    {
        CheckText(row, field, list);
        var messages = new List<ChatMessage>(list.GetArrayLength());
        foreach (JsonElement item in list.EnumerateArray())
        {
            messages.Add(row.ReadMessage($"{field}[{messages.Count}]", item));
        }

        SwiftToolTurns.Rewrite(row, field, messages);
        return messages.Count > 0 ? messages : throw row.Error(field, "the list of messages is empty.");
    }

    // Messages reach templates whole, so every name and text in them is read sooner or later.
    private static void CheckText(DataRow row, string field, JsonElement element)
    {
        try
        {
            JsonInput.CheckText(element);
        }
        catch (InvalidOperationException e)
        {
            throw row.Error(field, "holds text that is not valid Unicode.", e);
        }
    }

    /// <summary>One message: {"role", "content"}, or {"from", "value"} as ShareGPT writes it.</summary>
    public static ChatMessage ReadMessage(this DataRow row, string place, JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            throw row.Error(place, $"must be an object with \"role\" and \"content\", not {DataRow.Describe(item.ValueKind)}.");
        }

        if (row.TryMember(place, item, "from", out _) && !row.TryMember(place, item, "role", out _))
        {
            return ShareGptMessage(row, place, item);
        }

        string role = row.Text(place + ".role", row.Member(place, item, "role"));
        if (role.Length == 0)
        {
            throw row.Error(place + ".role", "is empty; it must be system, user, assistant or what the chat template knows.");
        }

        bool isPlain = true;
        bool speaks = false;
        foreach (JsonProperty field in item.EnumerateObject())
        {
            bool isNull = field.Value.ValueKind == JsonValueKind.Null;
            isPlain &= field.Name is "role" or "content" || isNull;
            speaks |= !isNull && ChatMessage.IsSpeech(field.Name);
        }

        string content = Content(row, place, item, speaks, ref isPlain);
        return new ChatMessage(role, content) { Json = isPlain ? null : WithoutNulls(item) };
    }

    /// <summary>What the row hands to a chat template besides messages; null for nothing.</summary>
    public static ChatTemplateInputs? GetTemplateInputs(this DataRow row)
    {
        JsonElement? tools = Structured(row, "tools", JsonValueKind.Array), documents = Structured(row, "documents", JsonValueKind.Array);
        JsonElement? kwargs = Structured(row, "chat_template_kwargs", JsonValueKind.Object);
        if (tools is null && documents is null && kwargs is null)
        {
            return null;
        }

        var variables = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (JsonProperty variable in kwargs?.EnumerateObject() ?? default)
        {
            if (Reserved.Contains(variable.Name))
            {
                throw row.Error(
                    $"chat_template_kwargs.{variable.Name}", "cannot be set by a row; it is a parameter of the rendering itself.");
            }

            variables.Add(variable.Name, variable.Value);
        }

        return new ChatTemplateInputs(tools, documents, variables.Count > 0 ? variables : null);
    }

    private static ChatMessage ShareGptMessage(DataRow row, string place, JsonElement item)
    {
        string from = row.Text(place + ".from", row.Member(place, item, "from"));
        string role = from switch
        {
            "human" or "user" => "user",
            "gpt" or "assistant" or "chatgpt" or "bot" or "model" => "assistant",
            "system" => "system",
            "tool" or "observation" => "tool",
            _ => throw row.Error(place + ".from", $"is '{from}'; known are human, user, gpt, assistant, system, tool and observation."),
        };
        return new ChatMessage(role, row.Text(place + ".value", row.Member(place, item, "value")));
    }

    // Content is a string, or a list of parts of type text as chat APIs write it; beside tool calls it may be null or absent.
    private static string Content(DataRow row, string place, JsonElement message, bool speaks, ref bool isPlain)
    {
        string field = place + ".content";
        if (!row.TryMember(place, message, "content", out JsonElement content) || (content.ValueKind == JsonValueKind.Null && speaks))
        {
            isPlain = false;
            return speaks ? "" : throw row.Error(place, "has no \"content\".");
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            return row.Text(field, content);
        }

        isPlain = false;
        var parts = new List<string>();
        foreach (JsonElement part in content.EnumerateArray())
        {
            if (part.ValueKind != JsonValueKind.Object || !row.TryMember(field, part, "type", out JsonElement type)
                || type.ValueKind != JsonValueKind.String || row.Text(field, type) != "text")
            {
                throw row.Error(field, $"part {parts.Count} must be an object of \"type\": \"text\"; other media cannot be scored.");
            }

            parts.Add(row.Text(field, row.Member(field, part, "text")));
        }

        return string.Concat(parts);
    }

    private static string WithoutNulls(JsonElement message)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (JsonProperty field in message.EnumerateObject().Where(field => field.Value.ValueKind != JsonValueKind.Null))
            {
                field.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    // Some sets keep such a column as JSON in a string, since its rows differ in type.
    private static JsonElement? Structured(DataRow row, string field, JsonValueKind kind)
    {
        if (!row.TryGet(field, out JsonElement value))
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.String)
        {
            string text = row.Text(field, value);
            if (string.IsNullOrWhiteSpace(text))
            {
                return null;
            }

            try
            {
                value = JsonElement.Parse(text);
            }
            catch (JsonException e)
            {
                throw row.Error(field, "is a string that is not valid JSON.", e);
            }
        }

        return value.ValueKind == kind ? value : value.ValueKind == JsonValueKind.Null ? null : throw row.Error(
            field, $"must be {(kind == JsonValueKind.Array ? "a list" : "an object")}, not {DataRow.Describe(value.ValueKind)}.");
    }
}
