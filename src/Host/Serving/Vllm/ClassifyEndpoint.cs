using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Vllm;

/// <summary>POST /classify: one probability (or raw reward) a text.</summary>
internal static class ClassifyEndpoint
{
    /// <summary>Answers a request that has been read.</summary>
    public static async Task AnswerAsync(RequestScope scope, JsonMap body)
    {
        CommonFields.RefuseRemoved(body);
        CommonFields.ReadActivation(body);
        (PromptForm prompts, CommonFields fields) = RequestFields.OfTwoForms(body, () => (PromptForm.Read(body), CommonFields.Read(body)));
        ServedModel model = scope.Models.Find(fields.Model);
        IReadOnlyList<int[]> sequences = prompts.Tokenize(model, fields.Limit(model), fields.KeepEnd);
        float[] rewards = await scope.ScoreAsync(model, sequences).ConfigureAwait(false);
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("id", fields.AnswerId(scope, "classify-"));
            writer.WriteString("object", "list");
            writer.WriteNumber("created", DateTimeOffset.UtcNow.ToUnixTimeSeconds());
            writer.WriteString("model", model.Name);
            writer.WriteStartArray("data");
            for (int i = 0; i < rewards.Length; i++)
            {
                writer.WriteStartObject();
                writer.WriteNumber("index", i);
                writer.WriteString("label", model.Label);
                writer.WriteStartArray("probs");
                writer.WriteReward(fields.Activate(model, rewards[i]));
                writer.WriteEndArray();
                writer.WriteNumber("num_classes", 1);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            Usage.Write(writer, scope.Tokens);
            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }
}
