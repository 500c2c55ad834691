using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>What a /classify or /pooling request wants scored: texts, ids or a conversation.</summary>
internal sealed class PromptForm
{
    private IReadOnlyList<string>? _texts;
    private IReadOnlyList<int[]>? _ids;
    private Messages? _messages;
    private bool _addSpecialTokens;

    /// <summary>
    /// Reads both forms. With both there the messages win, as in vLLM; with neither valid the error is the one about <c>input</c>, which
    /// vLLM names first.
    /// </summary>
    public static PromptForm Read(JsonMap body)
    {
        if (body.ContainsKey("messages") && (!body.ContainsKey("input") || Messages.IsValid(body)))
        {
            return new PromptForm
            {
                _messages = Messages.Read(body),
                _addSpecialTokens = RequestFields.Boolean(body, "add_special_tokens", otherwise: false),
            };
        }

        var form = new PromptForm();
        form.ReadInput(body);
        form._addSpecialTokens = RequestFields.Boolean(body, "add_special_tokens", otherwise: true);
        return form;
    }

    /// <summary>Token ids.</summary>
    /// <param name="model">Model.</param>
    /// <param name="limit">Tokens to keep, or null for all.</param>
    /// <param name="keepEnd">Whether the last are kept.</param>
    public IReadOnlyList<int[]> Tokenize(ServedModel model, int? limit, bool keepEnd)
    {
        if (_ids is not null)
        {
            return limit is null ? _ids : [.. _ids.Select(ids => Truncation.Cut(ids, limit, keepEnd))];
        }

        IReadOnlyList<string> texts = _messages is { } messages ? [messages.Render(model)] : _texts!;
        return Truncation.Encode(model.RequireTokenizer(), texts, _addSpecialTokens, limit, keepEnd);
    }

    private void ReadInput(JsonMap body)
    {
        if (!body.TryGetValue("input", out object? input))
        {
            throw RequestFields.Fault("body.input", "Field required");
        }

        switch (input)
        {
            case string text:
                _texts = [RequestFields.Encodable(text)];
                break;
            case List<object?> { Count: 0 }:
                throw RequestFields.Refusal("You must pass at least one prompt");
            case List<object?> list when list.All(item => item is string):
                _texts = [.. list.Select(item => RequestFields.Encodable((string)item!))];
                break;
            case List<object?> list when list[0] is List<object?> && list.All(item => item is List<object?>):
                // The first reading that is tried is one list of ids, so its first item is what an error names.
                _ids = [.. list.Select(item => Ids((List<object?>)item!, _ => "body.input.0"))];
                break;
            case List<object?> list:
                _ids = [Ids(list, i => $"body.input.{i}")];
                break;
            default:
                throw RequestFields.Fault("body.input", "Input should be a valid list");
        }
    }

    private static int[] Ids(List<object?> list, Func<int, string> pathOf)
    {
        int[] ids = new int[list.Count];
        for (int i = 0; i < ids.Length; i++)
        {
            if (!LaxValues.TryInteger(list[i], out long id))
            {
                throw RequestFields.Fault(pathOf(i), "Input should be a valid integer");
            }

            // What no int holds is outside every vocabulary.
            ids[i] = id is >= 0 and <= int.MaxValue ? (int)id : throw RequestFields.Refusal($"Token id {id} is out of vocabulary");
        }

        return ids;
    }
}
