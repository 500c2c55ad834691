using System.Diagnostics;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Vllm;

namespace Rm.Host.Serving.Sglang;

/// <summary>
/// SGLang's /classify: <c>text</c> or <c>input_ids</c> in, raw rewards as embeddings of one number out; a list in gives a bare list.
/// </summary>
internal static class SglangClassify
{
    /// <summary>Whether a body is SGLang's rather than vLLM's.</summary>
    public static bool IsMeant(JsonMap body) =>
        !body.ContainsKey("input") && !body.ContainsKey("messages") && (body.Has("text") || body.Has("input_ids"));

    /// <summary>Answers.</summary>
    public static async Task AnswerAsync(RequestScope scope, JsonMap body)
    {
        long begin = Stopwatch.GetTimestamp();
        ServedModel model = scope.Models.Find(RequestFields.OptionalText(body, "model"));
        string field = body.Has("text") ? "text" : "input_ids";

        // The same shapes as vLLM's input: one or several, texts or ids.
        object? value = body.Get(field);
        bool isList = value is List<object?> list && (field == "text" || list.Exists(item => item is List<object?>));
        var form = PromptForm.Read(new JsonMap { ["input"] = value });
        IReadOnlyList<int[]> sequences = form.Tokenize(model, limit: null, keepEnd: false);
        float[] rewards = await scope.ScoreAsync(model, sequences).ConfigureAwait(false);
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            if (isList)
            {
                writer.WriteStartArray();
            }

            for (int i = 0; i < rewards.Length; i++)
            {
                writer.WriteStartObject();
                writer.WriteStartArray("embedding");
                writer.WriteReward(rewards[i]);
                writer.WriteEndArray();
                writer.WriteStartObject("meta_info");
                writer.WriteString("id", CommonFields.NewId() + CommonFields.NewId());
                writer.WriteNumber("prompt_tokens", sequences[i].Length);
                writer.WriteNumber("completion_tokens", 0);
                writer.WriteNumber("cached_tokens", 0);
                writer.WriteNumber("e2e_latency", Math.Round(seconds, 6));
                writer.WriteEndObject();
                writer.WriteEndObject();
            }

            if (isList)
            {
                writer.WriteEndArray();
            }
        })).ConfigureAwait(false);
    }
}
