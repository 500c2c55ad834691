using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>
/// Tool turns as ms-swift writes them, in the form that chat templates know: turns of the role tool_call, whose content is the call as
/// JSON, become one assistant turn with <c>tool_calls</c>; tool_response becomes tool. Templates leave turns of unknown roles out without a
/// word.
/// </summary>
internal static class SwiftToolTurns
{
    private const string Call = "tool_call", Response = "tool_response";

    /// <summary>Rewrites such turns in place. Throws <see cref="UserInputException"/> when a call is not the JSON of one.</summary>
    public static void Rewrite(DataRow row, string field, List<ChatMessage> messages)
    {
        if (!messages.Exists(message => message.Role is Call or Response))
        {
            return;
        }

        ChatMessage[] given = [.. messages];
        messages.Clear();
        JsonArray? calls = null;
        for (int i = 0; i < given.Length; i++)
        {
            if (given[i].Role == Call)
            {
                (calls ??= []).Add((JsonNode?)ParseCall(row, $"{field}[{i}].content", given[i].Content));
                if (i + 1 < given.Length && given[i + 1].Role == Call)
                {
                    continue;
                }

                var message = new JsonObject { ["role"] = "assistant", ["content"] = "", ["tool_calls"] = calls };
                messages.Add(new ChatMessage("assistant", "") { Json = message.ToJsonString() });
                calls = null;
            }
            else
            {
                messages.Add(given[i].Role == Response ? new ChatMessage("tool", given[i].Content) : given[i]);
            }
        }
    }

    private static JsonObject ParseCall(DataRow row, string place, string content)
    {
        try
        {
            if (JsonNode.Parse(content) is JsonObject call && call["name"] is JsonValue name && name.GetValueKind() == JsonValueKind.String)
            {
                return new JsonObject
                {
                    ["type"] = "function",
                    ["function"] =
                        new JsonObject { ["name"] = name.DeepClone(), ["arguments"] = call["arguments"]?.DeepClone() ?? new JsonObject() },
                };
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw row.Error(place, "must be a call as JSON, {\"name\": ..., \"arguments\": ...}.");
    }
}
