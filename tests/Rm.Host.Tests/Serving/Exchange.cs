using System.Text.Json;

namespace Rm.Host.Tests.Serving;

/// <summary>A recorded request and its answer.</summary>
internal sealed record Exchange(string Name, string Server, JsonElement Request, JsonElement Response, string[] Volatile)
{
    /// <summary>All exchanges of a file of tests/golden/serving.</summary>
    public static Exchange[] Read(string file) =>
    [
        .. File.ReadLines(Path.Combine(ServedFolders.Golden, file)).Select(line => JsonElement.Parse(line)).Select(e => new Exchange(
            e.GetProperty("name").GetString()!, e.GetProperty("server").GetString()!, e.GetProperty("request"), e.GetProperty("response"),
            [.. e.GetProperty("volatile").EnumerateArray().Select(path => path.GetString()!)])),
    ];

    /// <summary>Sends the request and lists what differs from the recorded answer.</summary>
    public async Task<List<string>> ReplayAsync(HttpClient client)
    {
        using var message = new HttpRequestMessage(
            new HttpMethod(Request.GetProperty("method").GetString()!), Request.GetProperty("path").GetString());
        byte[]? body = Request.TryGetProperty("body_text", out JsonElement text) ? System.Text.Encoding.UTF8.GetBytes(text.GetString()!)
            : Request.TryGetProperty("body", out JsonElement json) ? System.Text.Encoding.UTF8.GetBytes(json.GetRawText()) : null;
        if (body is not null || message.Method == HttpMethod.Post || message.Method == HttpMethod.Put)
        {
            message.Content = new ByteArrayContent(body ?? []);
        }

        foreach (JsonProperty header in Request.GetProperty("headers").EnumerateObject())
        {
            if (!message.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString()))
            {
                message.Content!.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString());
            }
        }

        using HttpResponseMessage answer = await client.SendAsync(message);
        return ExchangeComparison.Compare(this, answer, await answer.Content.ReadAsByteArrayAsync());
    }
}
