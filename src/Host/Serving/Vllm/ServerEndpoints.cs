using System.Text;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Telemetry;

namespace Rm.Host.Serving.Vllm;

/// <summary>
/// What vLLM tells about itself: /health, /version, /load, /v1/models and /metrics; and /invocations, which is any of the scoring paths.
/// </summary>
internal static class ServerEndpoints
{
    /// <summary>The release whose interface this is; clients choose fields by it.</summary>
    private const string InterfaceVersion = "0.32.0";

    /// <summary>Answers /health and /ping: a server listens only when it scores.</summary>
    public static Task AnswerHealthAsync(RequestScope scope)
    {
        scope.Context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    /// <summary>Answers /version.</summary>
    public static Task AnswerVersionAsync(RequestScope scope) => scope.ReplyAsync(JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("version", InterfaceVersion);
        writer.WriteEndObject();
    }));

    /// <summary>Answers /load.</summary>
    public static Task AnswerLoadAsync(RequestScope scope, ServerMetrics metrics) => scope.ReplyAsync(JsonReply.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("server_load", Math.Max(0, metrics.InFlight - 1));
        writer.WriteEndObject();
    }));

    /// <summary>Answers /metrics.</summary>
    public static Task AnswerMetricsAsync(RequestScope scope, ServerMetrics metrics) => scope.ReplyAsync(
        Encoding.UTF8.GetBytes(metrics.ToText(scope.WaitingTokens, scope.Models.Default.Model.Backend.FreeMemory)),
        "text/plain; version=1.0.0; charset=utf-8");

    /// <summary>Answers /v1/models.</summary>
    public static Task AnswerModelsAsync(RequestScope scope) => scope.ReplyAsync(JsonReply.Write(writer =>
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        writer.WriteStartObject();
        writer.WriteString("object", "list");
        writer.WriteStartArray("data");
        foreach (ServedModel model in scope.Models.All)
        {
            writer.WriteStartObject();
            writer.WriteString("id", model.Name);
            writer.WriteString("object", "model");
            writer.WriteNumber("created", now);
            writer.WriteString("owned_by", "btrm");
            writer.WriteString("root", model.Source);
            writer.WriteString("parent", model.Parent);
            writer.WriteNumber("max_model_len", model.MaxLength);
            writer.WriteStartArray("permission");
            WritePermission();
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();

        void WritePermission()
        {
            writer.WriteStartObject();
            writer.WriteString("id", "modelperm-" + CommonFields.NewId());
            writer.WriteString("object", "model_permission");
            writer.WriteNumber("created", now);
            writer.WriteBoolean("allow_create_engine", false);
            writer.WriteBoolean("allow_sampling", true);
            writer.WriteBoolean("allow_logprobs", true);
            writer.WriteBoolean("allow_search_indices", false);
            writer.WriteBoolean("allow_view", true);
            writer.WriteBoolean("allow_fine_tuning", false);
            writer.WriteString("organization", "*");
            writer.WriteNull("group");
            writer.WriteBoolean("is_blocking", false);
            writer.WriteEndObject();
        }
    }));

    /// <summary>Answers /invocations by what the body holds.</summary>
    public static async Task AnswerInvocationsAsync(RequestScope scope)
    {
        JsonMap body = await RequestFields.ReadAsync(scope).ConfigureAwait(false);
        Task answer = body.ContainsKey("query") ? ScoreEndpoint.AnswerRerankAsync(scope, body)
            : body.ContainsKey("queries") || body.ContainsKey("text_1") || body.ContainsKey("data_1")
                ? ScoreEndpoint.AnswerScoreAsync(scope, body)
            : ClassifyEndpoint.AnswerAsync(scope, body);
        await answer.ConfigureAwait(false);
    }
}
