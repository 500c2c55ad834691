using Rm.Host.Serving.Http;
using Rm.Host.Serving.LlamaFactory;
using Rm.Host.Serving.Oat;
using Rm.Host.Serving.OpenRlhf;
using Rm.Host.Serving.Own;
using Rm.Host.Serving.Sglang;
using Rm.Host.Serving.Telemetry;
using Rm.Host.Serving.Vllm;

namespace Rm.Host.Serving;

/// <summary>Every path of a server.</summary>
internal static class Interfaces
{
    /// <summary>The routes.</summary>
    public static IEnumerable<Route> Routes(ServerMetrics metrics)
    {
        Route Vllm(string path, string method, Func<RequestScope, Task> answer) => new(path, [method], VllmErrors.Instance, answer);

        yield return Vllm("/health", "GET", ServerEndpoints.AnswerHealthAsync);
        yield return new Route("/ping", ["GET", "POST"], VllmErrors.Instance, ServerEndpoints.AnswerHealthAsync);
        yield return Vllm("/version", "GET", ServerEndpoints.AnswerVersionAsync);
        yield return Vllm("/load", "GET", scope => ServerEndpoints.AnswerLoadAsync(scope, metrics));
        yield return Vllm("/metrics", "GET", scope => ServerEndpoints.AnswerMetricsAsync(scope, metrics));
        yield return Vllm("/v1/models", "GET", ServerEndpoints.AnswerModelsAsync);
        yield return Vllm("/classify", "POST", ClassifyPath.AnswerAsync);
        yield return Vllm("/pooling", "POST", PoolingEndpoint.AnswerAsync);
        foreach (string path in new[] { "/score", "/v1/score" })
        {
            yield return Vllm(path, "POST", ScoreEndpoint.AnswerScoreAsync);
        }

        foreach (string path in new[] { "/rerank", "/v1/rerank", "/v2/rerank" })
        {
            yield return Vllm(path, "POST", ScoreEndpoint.AnswerRerankAsync);
        }

        yield return Vllm("/tokenize", "POST", TokenizeEndpoint.AnswerTokenizeAsync);
        yield return Vllm("/detokenize", "POST", TokenizeEndpoint.AnswerDetokenizeAsync);
        yield return Vllm("/invocations", "POST", ServerEndpoints.AnswerInvocationsAsync);
        yield return Vllm("/classify", "PUT", ClassifyPath.AnswerPutAsync) with { IsListed = false };
        yield return Vllm("/v1/embeddings", "POST", EmbeddingsEndpoint.AnswerAsync);
        yield return new Route("/v1/score/evaluation", ["POST"], LlamaFactoryErrors.Instance, EvaluationEndpoint.AnswerAsync);
        yield return new Route("/get_reward", ["POST"], OpenRlhfErrors.Instance, RewardEndpoint.AnswerAsync);
        yield return new Route("/get_feedback", ["POST"], OatErrors.Instance, FeedbackEndpoint.AnswerAsync);
        yield return Vllm(RewardsEndpoint.Path, "POST", RewardsEndpoint.AnswerAsync);
    }
}
