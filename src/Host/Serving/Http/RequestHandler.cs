using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Rm.Host.Serving.Batching;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Telemetry;
using Rm.Training.Model;

namespace Rm.Host.Serving.Http;

/// <summary>
/// Answers every request: key, path, method, then the interface. Whatever goes wrong becomes an answer in the interface's form.
/// </summary>
internal sealed class RequestHandler(
    RouteTable routes, IErrorForm otherErrors, ServedModels models, ScoringEngine engine, ServerLimits limits, ApiKey? key,
    ServerMetrics metrics, AccessLog log, Action<Exception> report)
{
    private const string OtherPath = "other";

    /// <summary>Answers one.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        long begin = Stopwatch.GetTimestamp();
        metrics.Begin();
        string path = context.Request.Path.Value ?? "";
        using var time = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            // What the server tells of itself waits for no score, and has to be told when all scores are late.
            time.CancelAfter(limits.RequestTimeout);
        }

        var scope = new RequestScope(context, models, engine, limits, time.Token);
        int status = 499;
        try
        {
            await DispatchAsync(scope, path).ConfigureAwait(false);
            status = context.Response.StatusCode;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            metrics.CountCancelled();
        }
        catch (Exception e)
        {
            ErrorReply reply = ErrorFor(e, path);
            status = context.RequestAborted.IsCancellationRequested ? 499 : reply.Status;
            await SendAsync(context, reply, e as ApiException).ConfigureAwait(false);
        }
        finally
        {
            double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            string known = routes.Knows(path) ? path : OtherPath;
            metrics.End(known, status, seconds);
            log.Write(scope, known, status, seconds);
        }
    }

    private async Task DispatchAsync(RequestScope scope, string path)
    {
        HttpContext context = scope.Context;
        string method = context.Request.Method;
        IReadOnlyList<Route> here = routes.At(path);
        if (key is not null && key.Guards(method, path) && !key.Matches(context.Request.Headers.Authorization))
        {
            IErrorForm form = here.Count > 0 ? here[0].Errors : otherErrors;
            await SendAsync(context, form.Unauthorized(), null).ConfigureAwait(false);
            return;
        }

        if (here.Count == 0)
        {
            if (path.Length > 1 && path[^1] == '/' && routes.Knows(path[..^1]))
            {
                // Relative, so that nothing of the request but a known path is repeated.
                context.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
                context.Response.Headers.Location = path[..^1] + context.Request.QueryString;
                return;
            }

            await SendAsync(context, DetailReply.Of(404, "Not Found"), null).ConfigureAwait(false);
            return;
        }

        if (here.FirstOrDefault(route => route.Methods.Contains(method, StringComparer.Ordinal)) is { } route)
        {
            await route.Answer(scope).ConfigureAwait(false);
            return;
        }

        context.Response.Headers.Allow = routes.Allowed(path);
        await SendAsync(context, DetailReply.Of(405, "Method Not Allowed"), null).ConfigureAwait(false);
    }

    private ErrorReply ErrorFor(Exception e, string path)
    {
        IReadOnlyList<Route> here = routes.At(path);
        IErrorForm form = here.Count > 0 ? here[0].Errors : otherErrors;
        switch (e)
        {
            case ApiException api:
                return form.Of(api);
            case BadHttpRequestException { StatusCode: 413 }:
                return form.Of(new ApiException(413, $"The body is larger than {limits.MaxBodyBytes} bytes."));
            case BadHttpRequestException bad:
                return form.Of(new ApiException(bad.StatusCode, "The request could not be read."));
            case OperationCanceledException:
                metrics.CountCancelled();
                return form.Of(new ApiException(503, string.Create(
                    CultureInfo.InvariantCulture, $"No score within {limits.RequestTimeout.TotalSeconds} seconds.")));
            default:
                report(e);
                return form.Of(new ApiException(
                    500, e is NonFiniteException ? e.Message : "The request could not be computed; the server's log says why."));
        }
    }

    private static async Task SendAsync(HttpContext context, ErrorReply reply, ApiException? error)
    {
        HttpResponse response = context.Response;
        if (response.HasStarted || context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        response.StatusCode = reply.Status;
        response.ContentType = reply.ContentType;
        response.ContentLength = reply.Body.Length;
        if (error?.RetryAfter is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (context.Request.Method == "HEAD")
        {
            return;
        }

        try
        {
            await response.Body.WriteAsync(reply.Body, context.RequestAborted).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The client is gone.
        }
    }
}
