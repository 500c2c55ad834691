using Rm.Host.Serving.Http;
using Rm.Host.Serving.Json;
using Rm.Host.Serving.Sglang;
using Rm.Host.Serving.Vllm;

namespace Rm.Host.Serving;

/// <summary>/classify belongs to vLLM and to SGLang; the fields of a request tell whose it is.</summary>
internal static class ClassifyPath
{
    /// <summary>Answers a POST.</summary>
    public static async Task AnswerAsync(RequestScope scope)
    {
        JsonMap body = await RequestFields.ReadAsync(scope).ConfigureAwait(false);
        Task answer = SglangClassify.IsMeant(body) ? SglangClassify.AnswerAsync(scope, body) : ClassifyEndpoint.AnswerAsync(scope, body);
        await answer.ConfigureAwait(false);
    }

    /// <summary>Answers a PUT, which SGLang alone has.</summary>
    public static async Task AnswerPutAsync(RequestScope scope)
    {
        JsonMap body = await RequestFields.ReadAsync(scope).ConfigureAwait(false);
        if (SglangClassify.IsMeant(body))
        {
            await SglangClassify.AnswerAsync(scope, body).ConfigureAwait(false);
            return;
        }

        scope.Context.Response.Headers.Allow = "POST";
        await scope.ReplyAsync(DetailReply.Of(405, "Method Not Allowed").Body, 405).ConfigureAwait(false);
    }
}
