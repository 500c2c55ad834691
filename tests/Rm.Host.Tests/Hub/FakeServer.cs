using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Rm.Host.Tests.Hub;

/// <summary>A request as a server sees it.</summary>
internal sealed record FakeRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>The path without the query.</summary>
    public string Path => Uri.UnescapeDataString(Target.Split('?')[0]);

    public string? Header(string name) => Headers.GetValueOrDefault(name);
}

/// <summary>An answer, or a part of one.</summary>
/// <param name="Status">Status code.</param>
/// <param name="Body">The body; not sent for HEAD.</param>
internal sealed record FakeResponse(int Status, byte[] Body)
{
    public Dictionary<string, string> Headers { get; init; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The connection breaks after so many bytes of the body.</summary>
    public int? BreakAfter { get; init; }

    /// <summary>Nothing more comes after so many bytes of the body, until the client goes away.</summary>
    public int? StallAfter { get; init; }

    /// <summary>The header Content-Length is left out.</summary>
    public bool HidesLength { get; init; }

    public static FakeResponse Text(int status, string body = "") => new(status, Encoding.UTF8.GetBytes(body));

    public FakeResponse With(string name, string value)
    {
        Headers[name] = value;
        return this;
    }
}

/// <summary>A plain HTTP/1.1 server on loopback that can do what real ones do only on bad days. One connection a request.</summary>
internal sealed class FakeServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<FakeRequest, FakeResponse> _answer;
    private readonly CancellationTokenSource _stop = new();

    public FakeServer(Func<FakeRequest, FakeResponse> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>All requests so far, in order of arrival.</summary>
    public ConcurrentQueue<FakeRequest> Requests { get; } = new();

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _ = Task.Run(() => ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                if (await ReadAsync(stream) is not { } request)
                {
                    return;
                }

                Requests.Enqueue(request);
                FakeResponse response = _answer(request);
                await WriteAsync(stream, request, response);
                if (response.BreakAfter is not null)
                {
                    // A reset instead of an orderly end.
                    client.LingerState = new LingerOption(true, 0);
                }
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // The client went away.
            }
        }
    }

    private static async Task<FakeRequest?> ReadAsync(NetworkStream stream)
    {
        var head = new List<byte>();
        byte[] one = new byte[1];
        while (!(head.Count >= 4 && head[^1] == '\n' && head[^3] == '\n'))
        {
            if (await stream.ReadAsync(one) == 0)
            {
                return null;
            }

            head.Add(one[0]);
        }

        string[] lines = Encoding.Latin1.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string[] first = lines[0].Split(' ');
        return new FakeRequest(first[0], first[1], lines.Skip(1).Select(line => line.Split(':', 2)).ToDictionary(
            parts => parts[0], parts => parts[1].Trim(), StringComparer.OrdinalIgnoreCase));
    }

    private async Task WriteAsync(NetworkStream stream, FakeRequest request, FakeResponse response)
    {
        var head = new StringBuilder();
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {response.Status} Status\r\nConnection: close\r\n");
        if (!response.HidesLength && !response.Headers.ContainsKey("Content-Length"))
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {response.Body.Length}\r\n");
        }

        foreach ((string name, string value) in response.Headers)
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        await stream.WriteAsync(Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()));
        if (request.Method == "HEAD")
        {
            return;
        }

        int length = response.BreakAfter ?? response.StallAfter ?? response.Body.Length;
        await stream.WriteAsync(response.Body.AsMemory(0, Math.Min(length, response.Body.Length)));
        await stream.FlushAsync();
        if (response.StallAfter is not null)
        {
            await stream.ReadExactlyAsync(new byte[1], _stop.Token);
        }
        else if (response.BreakAfter is > 0)
        {
            // A reset discards what the client has not read yet; it is to see some of it.
            await Task.Delay(50);
        }
    }
}
