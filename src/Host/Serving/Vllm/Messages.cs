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
        RequestFields.OptionalMap(body, "chat_template_kwargs");
        if (RequestFields.OptionalText(body, "chat_template") is not null)
        {
            throw RequestFields.Refusal("Chat template is passed with request, and templates of requests are not run. Render the text and send it as input.");
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

        string text = model.Render(_turns, _addGenerationPrompt);
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
            throw RequestFields.Refusal("continue_final_message is set but the final message does not appear in the chat after applying the chat template.");
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

        return turn.Get("content") switch
        {
            string text => new ChatMessage(role, RequestFields.Encodable(text)),
            List<object?> parts => new ChatMessage(role, RequestFields.Encodable(string.Join('\n', parts.Select(part => Part(part, index, faultPath))))),
            null when role == "assistant" => new ChatMessage(role, ""),
            _ => throw RequestFields.Fault(faultPath, $"Field required (and message {index} must have content)"),
        };
    }

    private static string Part(object? part, int index, string faultPath) => part switch
    {
        JsonMap map when map.Get("type") is "text" && map.Get("text") is string text => text,
        string text => text,
        JsonMap map when map.Get("type") is string => throw RequestFields.Refusal($"Message {index} has a part that is not a text; the model reads texts only."),
        _ => throw RequestFields.Fault(faultPath, $"Field required (and message {index} must have parts of type text)"),
    };
}
