using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Vllm;

namespace Rm.Host.Serving.Sglang;

/// <summary>POST /v1/embeddings as verl calls SGLang: the raw reward is the embedding's only number.</summary>
internal static class EmbeddingsEndpoint
{
    /// <summary>Answers.</summary>
    public static async Task AnswerAsync(RequestScope scope)
    {
        JsonMap body = await RequestFields.ReadAsync(scope).ConfigureAwait(false);
        var prompts = PromptForm.Read(body);
        var fields = CommonFields.Read(body);
        ServedModel model = scope.Models.Find(fields.Model);
        IReadOnlyList<int[]> sequences = prompts.Tokenize(model, fields.Limit(model), fields.KeepEnd);
        float[] rewards = await scope.ScoreAsync(model, sequences).ConfigureAwait(false);
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartArray("data");
            for (int i = 0; i < rewards.Length; i++)
            {
                writer.WriteStartObject();
                writer.WriteStartArray("embedding");
                writer.WriteReward(rewards[i]);
                writer.WriteEndArray();
                writer.WriteNumber("index", i);
                writer.WriteString("object", "embedding");
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteString("model", model.Name);
            writer.WriteString("object", "list");
            Usage.WriteShort(writer, scope.Tokens);
            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }
}
