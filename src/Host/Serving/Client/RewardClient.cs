using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Serving.Json;
using Rm.Training.Evaluation;

namespace Rm.Host.Serving.Client;

/// <summary>
/// Asks a running <c>btrm serve</c> for the rewards of rows, through <c>/v1/rewards</c>: the records of <see cref="RowScorer"/>, and the
/// same rewards. A server that says to come back later is asked again.
/// </summary>
internal sealed class RewardClient : IDisposable
{
    private const string Path = "v1/rewards";
    private const int MaxTries = 60;

    // Well below the size of a body that a server takes by default.
    private const int MaxRequestBytes = 4 << 20;
    private const int MaxRequestRows = 256;

    private readonly HttpClient _http;
    private readonly string _server;
    private readonly string? _model;

    /// <summary>A client. Throws <see cref="UserInputException"/> for what is no address.</summary>
    /// <param name="server">Address, <c>http://127.0.0.1:8000</c> say.</param>
    /// <param name="key">Key, or null.</param>
    /// <param name="model">Which of the server's models; null for its first.</param>
    public RewardClient(string server, string? key = null, string? model = null)
    {
        if (!Uri.TryCreate(server.TrimEnd('/') + "/", UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
        {
            throw new UserInputException($"--server '{server}' is no address of a server; give one as http://127.0.0.1:8000.");
        }

        (_server, _model) = (server, model);
        _http = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        if (key is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }

    /// <summary>Scores rows, in their order. Throws <see cref="UserInputException"/> with the server's words when it refuses one.</summary>
    public IReadOnlyList<ScoredRow> Score(IReadOnlyList<DataRow> rows)
    {
        var scored = new List<ScoredRow>(rows.Count);
        for (int begin = 0; begin < rows.Count;)
        {
            int count = 1;
            long bytes = rows[begin].ByteLength;
            while (begin + count < rows.Count && count < MaxRequestRows && (bytes += rows[begin + count].ByteLength) < MaxRequestBytes)
            {
                count++;
            }

            Ask([.. rows.Skip(begin).Take(count)], scored);
            begin += count;
        }

        return scored;
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private void Ask(DataRow[] rows, List<ScoredRow> scored)
    {
        // The rows' own errors name file and line; the server only knows their places.
        ScoreRow[] parsed = [.. rows.Select(ScoreRowParser.Parse)];
        ReadOnlyMemory<byte> body = JsonReply.Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("model", _model);
            writer.WriteBoolean("csv", rows[0].IsText);
            writer.WriteStartArray("rows");
            foreach (DataRow row in rows)
            {
                writer.WriteStartObject();
                row.WriteColumns(writer);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        });
        try
        {
            using var answer = JsonDocument.Parse(Send(body));
            int i = 0;
            foreach (JsonElement row in answer.RootElement.GetProperty("rows").EnumerateArray())
            {
                float[] rewards = [.. row.GetProperty("rewards").EnumerateArray().Select(reward => reward.GetSingle())];
                DropReason reason = row.GetProperty("reason").GetString() is { } name && Enum.TryParse(name, out DropReason known)
                    ? known
                    : DropReason.None;
                scored.Add(new ScoredRow(parsed[i++], rewards, reason));
            }

            if (i != rows.Length)
            {
                throw new UserInputException($"{_server}: answered {i} rows of {rows.Length}.");
            }
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserInputException($"{_server}: its answer is not that of btrm serve ({e.Message}).", e);
        }
    }

    private byte[] Send(ReadOnlyMemory<byte> body)
    {
        for (int attempt = 1; ; attempt++)
        {
            using var content = new ReadOnlyMemoryContent(body);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = content };
            HttpResponseMessage response;
            try
            {
                response = _http.Send(request);
            }
            catch (HttpRequestException e)
            {
                throw new UserInputException($"{_server}: cannot be reached: {e.Message}", e);
            }

            using (response)
            {
                byte[] answer = response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult();
                if (response.IsSuccessStatusCode)
                {
                    return answer;
                }

                if (response.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable) || attempt == MaxTries)
                {
                    throw new UserInputException($"{_server}: answered {(int)response.StatusCode}: {MessageOf(answer)}");
                }

                Thread.Sleep(response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(2));
            }
        }
    }

    private static string MessageOf(byte[] answer)
    {
        try
        {
            using var document = JsonDocument.Parse(answer);
            JsonElement root = document.RootElement;
            return root.TryGetProperty("error", out JsonElement error)
                ? error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out JsonElement message)
                    ? message.ToString()
                    : error.ToString()
                : root.ToString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "no message that could be read";
        }
    }
}
