using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Vllm;

namespace Rm.Host.Serving.OpenRlhf;

/// <summary>
/// POST /get_reward: whole texts (prompt and answer, special tokens and all) in <c>query</c>; raw rewards out. No special tokens are added,
/// and longer texts lose their end, as in OpenRLHF's own server. The content type is not looked at. <c>?model=NAME</c> in the URL chooses
/// among several models.
/// </summary>
internal static class RewardEndpoint
{
    /// <summary>Answers.</summary>
    public static async Task AnswerAsync(RequestScope scope)
    {
        if (await scope.ReadJsonAsync().ConfigureAwait(false) is not JsonMap body)
        {
            throw new ApiException(400, "The body must be a JSON object with query: a list of texts.");
        }

        string[] texts = body.Get("query") switch
        {
            string one => [RequestFields.Encodable(one)],
            List<object?> list when list.TrueForAll(item => item is string) =>
                [.. list.Select(item => RequestFields.Encodable((string)item!))],
            _ => throw new ApiException(400, "query must be a list of texts."),
        };
        ServedModel model = scope.Models.Find(scope.Context.Request.Query["model"].ToString());
        IReadOnlyList<int[]> sequences =
            Truncation.Encode(model.RequireTokenizer(), texts, addSpecialTokens: false, model.MaxLength, keepEnd: false);
        if (sequences.Any(ids => ids.Length == 0))
        {
            throw new ApiException(400, "query holds an empty text, which has no reward.");
        }

        float[] rewards = await scope.ScoreAsync(model, sequences).ConfigureAwait(false);
        await scope.ReplyAsync(JsonReply.Write(writer =>
        {
            void WriteRewards(string name)
            {
                writer.WriteStartArray(name);
                Array.ForEach(rewards, writer.WriteReward);
                writer.WriteEndArray();
            }

            writer.WriteStartObject();
            WriteRewards("rewards");
            WriteRewards("scores");
            writer.WriteStartObject("extra_logs");
            WriteRewards("dummy_scores");
            writer.WriteEndObject();
            writer.WriteEndObject();
        })).ConfigureAwait(false);
    }
}
