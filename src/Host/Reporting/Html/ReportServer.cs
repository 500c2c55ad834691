using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Rm.Formats;

namespace Rm.Host.Reporting.Html;

/// <summary>
/// Serves a <see cref="ReportSite"/> on the loopback address only, to browsers of this machine (or of one that forwards a port to it). A page of
/// another site cannot read it: the name that a request asks for must be a loopback one, so a foreign name that points here is refused.
/// </summary>
internal sealed class ReportServer : IDisposable
{
    // A port that was free a moment ago may be taken by the time we listen.
    private const int Attempts = 20;

    private readonly HttpListener _listener;
    private readonly ReportSite _site;

    private ReportServer(HttpListener listener, ReportSite site, int port)
    {
        _listener = listener;
        _site = site;
        Address = new Uri($"http://127.0.0.1:{port}/");
    }

    /// <summary>Where the page is.</summary>
    public Uri Address { get; }

    /// <summary>
    /// Begins to listen on a port of 127.0.0.1; 0 takes any that is free. The site must have something to show. Throws
    /// <see cref="UserInputException"/> otherwise, or when the port is taken.
    /// </summary>
    public static ReportServer Start(ReportSite site, int port)
    {
        _ = site.Find("/");
        for (int attempt = 1; ; attempt++)
        {
            int chosen = port == 0 ? FreePort() : port;
            var listener = new HttpListener();
            listener.Prefixes.Add($"http://127.0.0.1:{chosen}/");
            listener.Prefixes.Add($"http://localhost:{chosen}/");
            try
            {
                listener.Start();
                return new ReportServer(listener, site, chosen);
            }
            catch (Exception e) when (e is HttpListenerException or SocketException)
            {
                listener.Close();
                if (port != 0 || attempt == Attempts)
                {
                    throw new UserInputException($"--port {chosen}: cannot be listened on ({e.Message}). Give another, or 0 for any that is free.", e);
                }
            }
        }
    }

    /// <summary>Answers until SIGINT or SIGTERM.</summary>
    public void RunUntilStopped()
    {
        using var stopped = new ManualResetEventSlim();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

        // The end does not wait for the listening thread: a listener that is stopped between two questions may leave it waiting for ever.
        new Thread(Run) { IsBackground = true, Name = "report server" }.Start();
        stopped.Wait();

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stopped.Set();
        }
    }

    /// <summary>Answers until the server is disposed.</summary>
    public void Run()
    {
        while (_listener.IsListening)
        {
            try
            {
                // On threads of their own: one browser that does not read its answer must not hold up the others.
                ThreadPool.QueueUserWorkItem(TryAnswer, _listener.GetContext(), preferLocal: false);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // Stopped, or a connection that broke before it asked anything: the loop's condition tells which.
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Close();

    private void TryAnswer(HttpListenerContext context)
    {
        try
        {
            Answer(context);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException or IOException)
        {
            // The browser went away in the middle of its answer, or the server was stopped.
        }
    }

    private void Answer(HttpListenerContext context)
    {
        using HttpListenerResponse response = context.Response;
        HttpListenerRequest request = context.Request;
        response.Headers["X-Content-Type-Options"] = "nosniff";
        response.Headers["X-Frame-Options"] = "DENY";
        response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        response.Headers["Cache-Control"] = "no-store";
        if (!IsLoopback(request.UserHostName))
        {
            Say(response, HttpStatusCode.Forbidden, "This server answers to localhost and 127.0.0.1 only.");
        }
        else if (request.HttpMethod != "GET")
        {
            response.Headers["Allow"] = "GET";
            Say(response, HttpStatusCode.MethodNotAllowed, "GET only.");
        }
        else
        {
            Find(request, response);
        }
    }

    private void Find(HttpListenerRequest request, HttpListenerResponse response)
    {
        ReportSite.Answer? answer;
        try
        {
            answer = _site.Find(request.RawUrl?.Split('?')[0] ?? "/");
        }
        catch (Exception e) when (e is UserInputException or IOException or UnauthorizedAccessException)
        {
            Say(response, HttpStatusCode.ServiceUnavailable, e.Message);
            return;
        }

        if (answer is null)
        {
            Say(response, HttpStatusCode.NotFound, "There is no such page.");
            return;
        }

        response.Headers["ETag"] = answer.Tag;
        if (request.Headers["If-None-Match"] == answer.Tag)
        {
            response.StatusCode = (int)HttpStatusCode.NotModified;
            return;
        }

        response.ContentType = answer.ContentType;
        response.ContentLength64 = answer.Content.Length;
        response.OutputStream.Write(answer.Content);
    }

    private static void Say(HttpListenerResponse response, HttpStatusCode status, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        response.StatusCode = (int)status;
        response.ContentType = "text/plain; charset=utf-8";
        response.ContentLength64 = bytes.Length;
        response.OutputStream.Write(bytes);
    }

    // Any port: one that is forwarded from another machine has another number there.
    internal static bool IsLoopback(string? host)
    {
        if (host is null || host.AsSpan().ContainsAny("@/\\?#") || !Uri.TryCreate($"http://{host}/", UriKind.Absolute, out Uri? address))
        {
            return false;
        }

        return address.Host == "localhost" || (IPAddress.TryParse(address.Host.Trim('[', ']'), out IPAddress? number) && IPAddress.IsLoopback(number));
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
