using Rm.Formats;
using Rm.Formats.Tokenization;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>POST /tokenize and /detokenize.</summary>
internal static class TokenizeEndpoint
{
    /// <summary>Answers /tokenize.</summary>
    public static async Task AnswerTokenizeAsync(RequestScope scope)
    {
        JsonMap body = await RequestFields.ReadAsync(scope).ConfigureAwait(false);
        bool isChat = body.ContainsKey("messages") && body.Get("prompt") is not string;
        if (!isChat && body.Get("prompt") is not string)
        {
            throw RequestFields.Fault("body.prompt", body.ContainsKey("prompt") ? "Input should be a valid string" : "Field required");
        }

        Messages? messages = isChat ? Messages.Read(body, addGenerationPrompt: true, faultPath: "body.prompt") : null;
        bool special = RequestFields.Boolean(body, "add_special_tokens", otherwise: !isChat);
        bool withTexts = RequestFields.OptionalBoolean(body, "return_token_strs") ?? false;
        ServedModel model = scope.Models.Find(RequestFields.OptionalText(body, "model"));
        Tokenizer tokenizer = model.RequireTokenizer();
        string text = messages?.Render(model) ?? RequestFields.Encodable((string)body.Get("prompt")!);
        int[] ids = Truncation.Encode(tokenizer, [text], special, limit: null, keepEnd: false)[0];
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteNumber("count", ids.Length);
            writer.WriteNumber("max_model_len", model.MaxLength);
            writer.WriteStartArray("tokens");
            Array.ForEach(ids, writer.WriteNumberValue);
            writer.WriteEndArray();
            writer.WritePropertyName("token_strs");
            if (withTexts)
            {
                writer.WriteStartArray();
                foreach (int id in ids)
                {
                    writer.WriteStringValue(tokenizer.TokenSpelling(id));
                }

                writer.WriteEndArray();
            }
            else
            {
                writer.WriteNullValue();
            }

            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }

    /// <summary>Answers /detokenize.</summary>
    public static async Task AnswerDetokenizeAsync(RequestScope scope)
    {
        JsonMap body = await RequestFields.ReadAsync(scope).ConfigureAwait(false);
        if (body.Get("tokens") is not List<object?> list)
        {
            throw RequestFields.Fault("body.tokens", body.ContainsKey("tokens") ? "Input should be a valid list" : "Field required");
        }

        int[] ids = new int[list.Count];
        for (int i = 0; i < ids.Length; i++)
        {
            if (!LaxValues.TryInteger(list[i], out long id))
            {
                throw RequestFields.Fault($"body.tokens.{i}", "Input should be a valid integer");
            }

            ids[i] = (int)Math.Clamp(id, -1, int.MaxValue);
        }

        ServedModel model = scope.Models.Find(RequestFields.OptionalText(body, "model"));
        string text;
        try
        {
            text = model.RequireTokenizer().Decode(ids);
        }
        catch (UserInputException e)
        {
            throw RequestFields.Refusal(e.Message);
        }

        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("prompt", text);
            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }
}
