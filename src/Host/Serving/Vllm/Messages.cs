using System.Text;
using System.Text.Json;
using Rm.Formats.Tokenization;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>A conversation in a request, and how it is to be rendered.</summary>
internal sealed class Messages
{
    private readonly List<ChatMessage> _turns = [];
    private bool _addGenerationPrompt;
    private bool _continueFinal;
    private ChatTemplateInputs? _inputs;

    /// <summary>Whether the field holds a conversation.</summary>
    public static bool IsValid(JsonMap body)
    {
        try
        {
            _ = Read(body);
            return true;
        }
        catch (ApiException e) when (e.IsValidation)
        {
            return false;
        }
    }

    /// <summary>Reads it. vLLM names <c>body.input</c> first when the messages are at fault, because it may have been meant.</summary>
    /// <param name="body">The request.</param>
    /// <param name="addGenerationPrompt">Whether the template opens an answer where the request does not say.</param>
    /// <param name="faultPath">Field that is named when the messages are at fault.</param>
    public static Messages Read(JsonMap body, bool addGenerationPrompt = false, string faultPath = "body.input")
    {
        var read = new Messages();
        if (body.Get("messages") is not List<object?> list)
        {
            throw RequestFields.Fault(faultPath, "Field required (and messages must be a list)");
        }

        for (int i = 0; i < list.Count; i++)
        {
            read._turns.Add(Turn(list[i], i, faultPath));
        }

        read._addGenerationPrompt = RequestFields.Boolean(body, "add_generation_prompt", addGenerationPrompt);
        read._continueFinal = RequestFields.Boolean(body, "continue_final_message", otherwise: false);
        read._inputs = TemplateInputs(RequestFields.OptionalMap(body, "chat_template_kwargs"));
        if (RequestFields.OptionalText(body, "chat_template") is not null)
        {
            throw RequestFields.Refusal(
                "Chat template is passed with request, and templates of requests are not run. Render the text and send it as input.");
        }

        return read;
    }

    /// <summary>The text.</summary>
    public string Render(ServedModel model)
    {
        if (_turns.Count == 0)
        {
            throw RequestFields.Refusal("Cannot apply chat template to an empty conversation. Provide at least one message.");
        }

        if (_continueFinal && _addGenerationPrompt)
        {
            throw RequestFields.Refusal("Cannot set both `continue_final_message` and `add_generation_prompt` to True.");
        }

        string text = model.Render(_turns, _addGenerationPrompt, _inputs);
        return _continueFinal ? OpenEnded(text) : text;
    }

    // As transformers does it: the text ends with the last message's content.
    private string OpenEnded(string text)
    {
        string content = _turns[^1].Content;
        string trimmed = content.Trim();
        int at = text.LastIndexOf(trimmed, StringComparison.Ordinal);
        if (trimmed.Length == 0 || at < 0)
        {
            throw RequestFields.Refusal(
                "continue_final_message is set but the final message does not appear in the chat after applying the chat template.");
        }

        int length = text.AsSpan(at).StartsWith(content, StringComparison.Ordinal) ? content.Length : trimmed.Length;
        return text[..(at + length)];
    }

    private static ChatMessage Turn(object? item, int index, string faultPath)
    {
        if (item is not JsonMap turn || turn.Get("role") is not string role)
        {
            throw RequestFields.Fault(faultPath, $"Field required (and message {index} must be an object with a role)");
        }

        string content = turn.Get("content") switch
        {
            string text => text,
            List<object?> parts => string.Join('\n', parts.Select(part => Part(part, index, faultPath))),
            null when role == "assistant" || !turn.ContainsKey("content") => "",
            _ => throw RequestFields.Fault(faultPath, $"Field required (and message {index} must have content)"),
        };
        return new ChatMessage(RequestFields.Encodable(role), RequestFields.Encodable(content)) { Json = WholeMessage(turn, content) };
    }

    // All that was sent but nulls, with the content as one text; null for a message that is its role and content.
    private static string? WholeMessage(JsonMap turn, string content)
    {
        if (turn.All(field => field.Key is "role" or "content" || field.Value is null))
        {
            return null;
        }

        var whole = new JsonMap();
        foreach ((string name, object? value) in turn.Where(field => field.Value is not null && field.Key != "content"))
        {
            whole[name] = name == "tool_calls" ? ToolCalls(value) : value;
        }

        // An empty list of calls is no call.
        if (whole.Get("tool_calls") is List<object?> { Count: 0 })
        {
            whole.Remove("tool_calls");
        }

        whole["content"] = content;
        return Encoding.UTF8.GetString(Written(whole).Span);
    }

    // Arguments come as JSON in a text and templates expect what it says.
    private static object? ToolCalls(object? value)
    {
        if (value is not List<object?> calls)
        {
            return value;
        }

        return calls.ConvertAll(item => item is JsonMap call && call.Get("function") is JsonMap f && f.Get("arguments") is string text
            ? With(call, "function", With(f, "arguments", Arguments(text)))
            : item);
    }

    private static object? Arguments(string text)
    {
        if (text.Length == 0)
        {
            return new JsonMap();
        }

        try
        {
            return PythonJson.Parse(Encoding.UTF8.GetBytes(RequestFields.Encodable(text)));
        }
        catch (JsonDecodeException e)
        {
            throw RequestFields.Refusal($"The arguments of a tool call are not JSON: {e.Message} at character {e.Position}.");
        }
    }

    private static JsonMap With(JsonMap map, string name, object? value)
    {
        var copy = new JsonMap();
        foreach ((string key, object? old) in map)
        {
            copy[key] = key == name ? value : old;
        }

        return copy;
    }

    // Variables that a template does not use are harmless; what the request's own fields say is theirs.
    private static ChatTemplateInputs? TemplateInputs(JsonMap? kwargs)
    {
        if (kwargs is null || kwargs.Count == 0)
        {
            return null;
        }

        foreach (string refused in new[] { "chat_template", "tokenize" })
        {
            if (kwargs.ContainsKey(refused))
            {
                throw RequestFields.Refusal($"chat_template_kwargs.{refused} cannot be set by a request.");
            }
        }

        string[] own = ["messages", "conversation", "add_generation_prompt", "continue_final_message", "tools", "documents"];
        return new ChatTemplateInputs(
            Element("tools"), Element("documents"),
            kwargs.Where(field => !own.Contains(field.Key)).ToDictionary(field => field.Key, field => Read(field.Value)));

        JsonElement? Element(string name) => kwargs.Get(name) is List<object?> list ? Read(list) : null;
        static JsonElement Read(object? value) => JsonElement.Parse(Written(value).Span);
    }

    private static ReadOnlyMemory<byte> Written(object? value)
    {
        CheckTexts(value);
        return JsonReply.Write(writer => writer.WriteValue(value));
    }

    private static void CheckTexts(object? value)
    {
        switch (value)
        {
            case string text:
                RequestFields.Encodable(text);
                break;
            case List<object?> list:
                list.ForEach(CheckTexts);
                break;
            case JsonMap map:
                foreach ((string name, object? field) in map)
                {
                    RequestFields.Encodable(name);
                    CheckTexts(field);
                }

                break;
        }
    }

    private static string Part(object? part, int index, string faultPath) => part switch
    {
        JsonMap map when map.Get("type") is "text" && map.Get("text") is string text => text,
        JsonMap map when map.Get("type") is "refusal" && map.Get("refusal") is string text => text,
        string text => text,
        JsonMap map when map.Get("type") is string =>
            throw RequestFields.Refusal($"Message {index} has a part that is not a text; the model reads texts only."),
        _ => throw RequestFields.Fault(faultPath, $"Field required (and message {index} must have parts of type text)"),
    };
}
