using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.AspNetCore.Http;
using Rm.Formats;
using Rm.Host.Web;

namespace Rm.Host.Reporting.Html;

/// <summary>
/// Serves a <see cref="ReportSite"/> on the loopback address only, to browsers of this machine (or of one that forwards a port to it). A
/// page of another site cannot read it: the name that a request asks for must be a loopback one, so a foreign name that points here is
/// refused.
/// </summary>
internal sealed class ReportServer : IDisposable
{
    // A page that is being read when the server stops is sent, if that takes no longer.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);

    private readonly LocalWeb _web;

    private ReportServer(LocalWeb web) => _web = web;

    /// <summary>Where the page is.</summary>
    public Uri Address => _web.Address;

    /// <summary>
    /// Answers on a port of 127.0.0.1 from now on; 0 takes any that is free. The site must have something to show. Throws
    /// <see cref="UserInputException"/> otherwise, or when the port is taken.
    /// </summary>
    public static ReportServer Start(ReportSite site, int port)
    {
        _ = site.Find("/");
        return new ReportServer(LocalWeb.StartAsync(
            [IPAddress.Loopback], port, kestrel => kestrel.Limits.MaxRequestBodySize = 0, context =>
                AnswerAsync(site, context), StopTimeout)
            .GetAwaiter().GetResult());
    }

    /// <summary>Waits for SIGINT or SIGTERM.</summary>
    public void WaitUntilStopped()
    {
        using var stopped = new ManualResetEventSlim();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        stopped.Wait();
        _web.StopAsync().GetAwaiter().GetResult();

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stopped.Set();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _web.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static async Task AnswerAsync(ReportSite site, HttpContext context)
    {
        try
        {
            await DispatchAsync(site, context).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The browser went away in the middle of its answer, or the server was stopped.
        }
    }

    private static Task DispatchAsync(ReportSite site, HttpContext context)
    {
        HttpResponse response = context.Response;
        response.Headers["X-Content-Type-Options"] = "nosniff";
        response.Headers["X-Frame-Options"] = "DENY";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        response.Headers["Cache-Control"] = "no-store";
        if (!IsLoopback(context.Request.Host.Value))
        {
            return SayAsync(response, HttpStatusCode.Forbidden, "This server answers to localhost and 127.0.0.1 only.");
        }

        if (context.Request.Method != "GET")
        {
            response.Headers["Allow"] = "GET";
            return SayAsync(response, HttpStatusCode.MethodNotAllowed, "GET only.");
        }

        return FindAsync(site, context);
    }

    private static Task FindAsync(ReportSite site, HttpContext context)
    {
        HttpResponse response = context.Response;
        ReportSite.Answer? answer;
        try
        {
            answer = site.Find(context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget.Split('?')[0]);
        }
        catch (Exception e) when (e is UserInputException or IOException or UnauthorizedAccessException)
        {
            return SayAsync(response, HttpStatusCode.ServiceUnavailable, e.Message);
        }

        if (answer is null)
        {
            return SayAsync(response, HttpStatusCode.NotFound, "There is no such page.");
        }

        response.Headers["ETag"] = answer.Tag;
        if (context.Request.Headers["If-None-Match"] == answer.Tag)
        {
            response.StatusCode = (int)HttpStatusCode.NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = answer.ContentType;
        response.ContentLength = answer.Content.Length;
        return response.Body.WriteAsync(answer.Content, 0, answer.Content.Length, context.RequestAborted);
    }

    private static Task SayAsync(HttpResponse response, HttpStatusCode status, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        response.StatusCode = (int)status;
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength = bytes.Length;
        return response.Body.WriteAsync(bytes, 0, bytes.Length);
    }

    // Any port: one that is forwarded from another machine has another number there.
    internal static bool IsLoopback(string? host)
    {
        if (host is null || host.AsSpan().ContainsAny("@/\\?#") || !Uri.TryCreate($"http://{host}/", UriKind.Absolute, out Uri? address))
        {
            return false;
        }

        return address.Host == "localhost"
            || (IPAddress.TryParse(address.Host.Trim('[', ']'), out IPAddress? number) && IPAddress.IsLoopback(number));
    }
}
