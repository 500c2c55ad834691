using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>POST /score and /rerank: query and document in one sequence, joined as the tokenizer joins pairs.</summary>
internal static class ScoreEndpoint
{
    /// <summary>Answers /score.</summary>
    public static async Task AnswerScoreAsync(RequestScope scope) =>
        await AnswerScoreAsync(scope, await RequestFields.ReadAsync(scope).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>Answers /rerank.</summary>
    public static async Task AnswerRerankAsync(RequestScope scope) =>
        await AnswerRerankAsync(scope, await RequestFields.ReadAsync(scope).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>Answers /score for a body that has been read.</summary>
    public static async Task AnswerScoreAsync(RequestScope scope, JsonMap body)
    {
        var pairs = PairForm.ReadScore(body);
        (ServedModel model, CommonFields fields, float[] values) = await ScoreAsync(scope, body, pairs).ConfigureAwait(false);
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("id", fields.AnswerId(scope, "score-"));
            writer.WriteString("object", "list");
            writer.WriteNumber("created", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            writer.WriteString("model", model.Name);
            writer.WriteStartArray("data");
            for (int i = 0; i < values.Length; i++)
            {
                writer.WriteStartObject();
                writer.WriteNumber("index", i);
                writer.WriteString("object", "score");
                writer.WritePropertyName("score");
                writer.WriteReward(values[i]);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            Usage.Write(writer, scope.Tokens);
            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }

    /// <summary>Answers /rerank for a body that has been read.</summary>
    public static async Task AnswerRerankAsync(RequestScope scope, JsonMap body)
    {
        var pairs = PairForm.ReadRerank(body);
        long top = RequestFields.Integer(body, "top_n", 0, least: 0);
        (ServedModel model, CommonFields fields, float[] values) = await ScoreAsync(scope, body, pairs).ConfigureAwait(false);
        int count = top == 0 ? values.Length : (int)Math.Min(top, values.Length);
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("id", fields.AnswerId(scope, "score-"));
            writer.WriteString("model", model.Name);
            Usage.WriteShort(writer, scope.Tokens);
            writer.WriteStartArray("results");

            // The order is stable: equal scores stay as they were given.
            foreach (int i in Enumerable.Range(0, values.Length).OrderByDescending(i => values[i]).Take(count))
            {
                writer.WriteStartObject();
                writer.WriteNumber("index", i);
                writer.WriteStartObject("document");
                writer.WriteString("text", pairs.Documents[i]);
                writer.WriteNull("multi_modal");
                writer.WriteEndObject();
                writer.WritePropertyName("relevance_score");
                writer.WriteReward(values[i]);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }

    private static async Task<(ServedModel Model, CommonFields Fields, float[] Values)> ScoreAsync(
        RequestScope scope, JsonMap body, PairForm pairs)
    {
        CommonFields.RefuseRemoved(body);
        var fields = CommonFields.Read(body);
        long query = RequestFields.Integer(body, "max_tokens_per_query", 0);
        long document = RequestFields.Integer(body, "max_tokens_per_doc", 0);

        // For score templates, which a reward model has none of.
        RequestFields.OptionalText(body, "instruction");
        RequestFields.OptionalMap(body, "chat_template_kwargs");
        ServedModel model = scope.Models.Find(fields.Model);
        foreach ((string name, long value) in new[] { ("max_tokens_per_query", query), ("max_tokens_per_doc", document) })
        {
            if (value < 0)
            {
                throw RequestFields.Refusal($"{name} must be a non-negative integer");
            }

            if (value >= model.MaxLength)
            {
                throw RequestFields.Refusal($"{name} ({value}) must be less than max_model_len ({model.MaxLength}).");
            }
        }

        float[] rewards = await scope.ScoreAsync(model, pairs.Tokenize(model, fields, query, document)).ConfigureAwait(false);
        return (model, fields, [.. rewards.Select(reward => fields.Activate(model, reward))]);
    }
}
