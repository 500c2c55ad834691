using System.Net;
using System.Net.Http.Headers;

namespace Rm.Formats.Hub;

/// <summary>
/// Requests to the hub: redirects are followed by hand, so that the token stays with the hub's own host; waits are bounded; failures that
/// may pass become <see cref="HubTransferException"/>.
/// </summary>
internal sealed class HubHttp : IDisposable
{
    private const int MaxRedirects = 10;
    private const int MaxAnswerBytes = 64 << 20;

    // A body that trickles is as good as broken: this many timeouts may pass for this many bytes.
    private const int SlowTimeouts = 3;
    private const int SlowBytes = 4096;

    private readonly HubSettings _settings;
    private readonly HttpClient _client;

    public HubHttp(HubSettings settings)
    {
        _settings = settings;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = settings.Timeout,
            MaxResponseHeadersLength = 64,
            MaxConnectionsPerServer = settings.Parallelism + 1,
            Proxy = new LoopbackBypass(HttpClient.DefaultProxy),
        };
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("btrm", BtrmVersion.Text));

        // Compressed, a file would have neither its length nor ranges.
        _client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
    }

    /// <summary>An address under the endpoint.</summary>
    public Uri Address(string path) => new($"{_settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");

    /// <summary>
    /// Sends a request and returns the answer once its headers are there. Redirects are followed while <paramref name="follow"/> allows the
    /// answer's target. Throws <see cref="HubTransferException"/> when the network fails or the server is overloaded; other statuses are
    /// the caller's.
    /// </summary>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, Uri address, long rangeStart, Func<HttpResponseMessage, Uri, bool> follow, CancellationToken stop)
    {
        for (int redirects = 0; ; redirects++)
        {
            HttpResponseMessage response = await SendOnceAsync(method, address, rangeStart, stop).ConfigureAwait(false);
            if (Target(response, address) is not { } target || !follow(response, target))
            {
                return response;
            }

            response.Dispose();
            if (redirects >= MaxRedirects)
            {
                throw new UserInputException($"{address}: redirects more than {MaxRedirects} times. Check HF_ENDPOINT.");
            }

            if (target.Scheme is not ("http" or "https") || (address.Scheme == "https" && target.Scheme == "http"))
            {
                throw new UserInputException(
                    $"{address}: redirects to {target.Scheme}://{target.Host}, which is not safe. Check HF_ENDPOINT.");
            }

            address = target;
        }
    }

    /// <summary>The whole of an answer, which must not be large.</summary>
    public async Task<byte[]> ReadAllAsync(HttpResponseMessage response, CancellationToken stop)
    {
        using Stream body = await OpenBodyAsync(response, stop).ConfigureAwait(false);
        using var all = new MemoryStream();
        using var reader = new PacedReader(body, _settings.Timeout, SlowTimeouts, SlowBytes);
        byte[] buffer = new byte[1 << 16];
        int read;
        while ((read = await reader.ReadAsync(buffer, stop).ConfigureAwait(false)) > 0)
        {
            all.Write(buffer, 0, read);
            if (all.Length > MaxAnswerBytes)
            {
                throw new UserInputException(
                    $"{response.RequestMessage?.RequestUri}: the answer has more than {MaxAnswerBytes >> 20} MiB. Check HF_ENDPOINT.");
            }
        }

        return all.ToArray();
    }

    /// <summary>Reads a body with this client's limits on waiting.</summary>
    public async Task<PacedReader> ReadBodyAsync(HttpResponseMessage response, CancellationToken stop) =>
        new(await OpenBodyAsync(response, stop).ConfigureAwait(false), _settings.Timeout, SlowTimeouts, SlowBytes);

    /// <summary>
    /// Runs <paramref name="attempt"/> until it works, waiting longer each time. Throws <see cref="UserInputException"/> with the last
    /// failure when attempts run out.
    /// </summary>
    public async Task<T> RetryAsync<T>(string what, Func<Task<T>> attempt, CancellationToken stop)
    {
        for (int failures = 0; ;)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (HubTransferException e)
            {
                failures = e.MadeProgress ? 1 : failures + 1;
                if (e.IsLasting || failures >= _settings.Attempts)
                {
                    throw new UserInputException(
                        $"{what}: {e.Message}{(failures > 1 ? $" ({failures} attempts)" : "")}. Try again later; with what is in "
                            + $"{_settings.CacheFolder} "
                        + "HF_HUB_OFFLINE=1 works without the network.", e);
                }

                TimeSpan wait = RetryDelay.Of(failures, _settings.RetryDelay, e.RetryAfter);
                _settings.Log.WriteLine($"{what}: {e.Message}; trying again in {wait.TotalSeconds:F1} s.");
                await Task.Delay(wait, stop).ConfigureAwait(false);
            }
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> SendOnceAsync(HttpMethod method, Uri address, long rangeStart, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(method, address);
        if (rangeStart > 0)
        {
            request.Headers.Range = new RangeHeaderValue(rangeStart, null);
        }

        if (_settings.Token is { } token && IsHub(address))
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(_settings.Timeout);
        HttpResponseMessage response;
        try
        {
            response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw new HubTransferException($"no answer within {_settings.Timeout.TotalSeconds:F0} s from {address.Authority}", e);
        }
        catch (HttpRequestException e)
        {
            throw new HubTransferException($"{address.Authority} cannot be reached ({e.Message})", e)
            {
                IsLasting = e.HttpRequestError is HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
            };
        }

        if ((int)response.StatusCode is 408 or 429 or 500 or 502 or 503 or 504)
        {
            using (response)
            {
                throw new HubTransferException($"{address.Authority} answers {(int)response.StatusCode} ({response.ReasonPhrase})")
                {
                    RetryAfter = RetryDelay.Asked(response.Headers.RetryAfter),
                };
            }
        }

        return response;
    }

    private static async Task<Stream> OpenBodyAsync(HttpResponseMessage response, CancellationToken stop)
    {
        if (response.Content.Headers.ContentEncoding.Any(encoding => encoding != "identity"))
        {
            throw new UserInputException(
                $"{response.RequestMessage?.RequestUri}: the server compresses although it was asked not to. Check HF_ENDPOINT.");
        }

        return await response.Content.ReadAsStreamAsync(stop).ConfigureAwait(false);
    }

    // Only the very host that the user chose: not its subdomains, not another port, not the same name without TLS.
    private bool IsHub(Uri address) =>
        address.Scheme == _settings.Endpoint.Scheme && address.Port == _settings.Endpoint.Port
        && string.Equals(address.IdnHost, _settings.Endpoint.IdnHost, StringComparison.OrdinalIgnoreCase);

    private static Uri? Target(HttpResponseMessage response, Uri address) =>
        (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.Location is { } location
            ? new Uri(address, location)
            : null;
}
