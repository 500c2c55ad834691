using System.Text;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>POST /pooling: a list with one number a text, as JSON, base64 or bytes.</summary>
internal static class PoolingEndpoint
{
    private static readonly string[] Tasks = ["embed", "classify", "token_embed", "token_classify", "plugin", "embed&token_classify"];

    /// <summary>Answers.</summary>
    public static async Task AnswerAsync(RequestScope scope)
    {
        JsonMap body = await RequestFields.ReadAsync(scope).ConfigureAwait(false);
        if (body.ContainsKey("data") && !body.ContainsKey("input") && !body.ContainsKey("messages"))
        {
            throw RequestFields.Refusal("No IOProcessor plugin installed. (parameter=task)", "task");
        }

        RefuseRemovedTasks(body);
        CommonFields.RefuseRemoved(body);
        CommonFields.ReadActivation(body);
        string format = RequestFields.Choice(body, "encoding_format", nullable: false, "float", "base64", "bytes", "bytes_only") ?? "float";
        var encoding = new FloatEncoding(
            RequestFields.Choice(body, "embed_dtype", nullable: false, "float32", "float16", "bfloat16", "fp8_e4m3", "fp8_e5m2")
                ?? "float32",
            RequestFields.Choice(body, "endianness", nullable: false, "native", "big", "little") ?? "native");
        RequestFields.OptionalInteger(body, "dimensions");
        (PromptForm prompts, CommonFields fields, string? task) = RequestFields.OfTwoForms(
            body, () => (PromptForm.Read(body), CommonFields.Read(body), RequestFields.Choice(body, "task", nullable: true, Tasks)));
        if (body.Has("dimensions"))
        {
            throw RequestFields.Refusal("dimensions is currently not supported (parameter=dimensions)", "dimensions");
        }

        ServedModel model = scope.Models.Find(fields.Model);
        if (task is not (null or "classify"))
        {
            throw RequestFields.Refusal(
                task == "token_classify"
                    ? "A reward model scores whole texts: task token_classify is not served. (parameter=task)"
                    : $"Unsupported task: '{task}' Supported tasks: ['classify', 'token_classify'] (parameter=task)", "task");
        }

        encoding.Check(format);
        IReadOnlyList<int[]> sequences = prompts.Tokenize(model, fields.Limit(model), fields.KeepEnd);
        float[] rewards = await scope.ScoreAsync(model, sequences).ConfigureAwait(false);
        float[] values = [.. rewards.Select(reward => fields.Activate(model, reward))];
        string id = fields.AnswerId(scope, "pooling-");
        await (format is "float" or "base64" ? ReplyJsonAsync() : ReplyBytesAsync()).ConfigureAwait(false);

        Task ReplyJsonAsync() => scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("id", id);
            writer.WriteString("object", "list");
            writer.WriteNumber("created", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            writer.WriteString("model", model.Name);
            writer.WriteStartArray("data");
            for (int i = 0; i < values.Length; i++)
            {
                writer.WriteStartObject();
                writer.WriteNumber("index", i);
                writer.WriteString("object", "pooling");
                if (format == "base64")
                {
                    writer.WriteString("data", Convert.ToBase64String(encoding.Bytes(values[i])));
                }
                else
                {
                    writer.WriteStartArray("data");
                    writer.WriteReward(values[i]);
                    writer.WriteEndArray();
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            Usage.Write(writer, scope.Tokens);
            writer.WriteEndObject();
        }));

        Task ReplyBytesAsync()
        {
            if (format == "bytes")
            {
                scope.Context.Response.Headers["metadata"] = Encoding.UTF8.GetString(
                    Metadata(id, model, encoding, values.Length, scope.Tokens).Span);
            }

            return scope.ReplyAsync(values.SelectMany(encoding.Bytes).ToArray(), "application/octet-stream");
        }
    }

    // Goes into a header, so it is ASCII: what a request may name (its id) is written with escapes.
    private static ReadOnlyMemory<byte> Metadata(string id, ServedModel model, FloatEncoding encoding, int count, long tokens)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var writer = new System.Text.Json.Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("id", id);
            writer.WriteNumber("created", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            writer.WriteString("model", model.Name);
            writer.WriteStartArray("data");
            for (int i = 0; i < count; i++)
            {
                writer.WriteStartObject();
                writer.WriteNumber("index", i);
                writer.WriteString("embed_dtype", encoding.DType);
                writer.WriteString("endianness", encoding.Endianness);
                writer.WriteNumber("start", i * encoding.Size);
                writer.WriteNumber("end", (i + 1) * encoding.Size);
                writer.WriteStartArray("shape");
                writer.WriteNumberValue(1);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            Usage.WriteShort(writer, tokens);
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    private static void RefuseRemovedTasks(JsonMap body)
    {
        string? instead = body.Get("task") switch
        {
            "score" => "`classify`",
            "encode" => "`token_embed` or `token_classify`",
            _ => null,
        };
        if (instead is not null)
        {
            throw RequestFields.Refusal($"`{body.Get("task")}` task was removed; use {instead} instead. (parameter=task)", "task");
        }
    }
}
