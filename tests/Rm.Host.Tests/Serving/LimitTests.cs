using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.Serving;

/// <summary>What a server refuses, and how: too much, too late, without the key. It goes on serving after each.</summary>
public sealed class LimitTests : IDisposable
{
    private static readonly GoldenCase Golden = new("llama-tiny");

    private readonly ScratchFolder _scratch = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_full_queue_is_answered_with_429_and_a_time()
    {
        await using RunningServer server = await StartAsync(new ServerLimits { MaxQueueTokens = 500 });
        string json = Input(Enumerable.Range(0, 30).Select(i => Ids(100, i)));

        // Each has more than the queue takes: one alone is accepted, others only once nothing waits.
        HttpResponseMessage[] answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => server.Client.PostAsync(
            "/classify", new StringContent(json, Encoding.UTF8, "application/json"), Stop)));
        Assert.Contains(answers, answer => answer.StatusCode == HttpStatusCode.OK);
        HttpResponseMessage[] refused = [.. answers.Where(answer => answer.StatusCode == HttpStatusCode.TooManyRequests)];
        Assert.NotEmpty(refused);
        Assert.Equal(12, refused.Length + answers.Count(answer => answer.StatusCode == HttpStatusCode.OK));
        foreach (HttpResponseMessage answer in refused)
        {
            Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
            JsonNode error = JsonNode.Parse(await answer.Content.ReadAsStringAsync(Stop))!["error"]!;
            Assert.Equal(("TooManyRequestsError", 429), (error["type"]!.GetValue<string>(), error["code"]!.GetValue<int>()));
        }

        await AssertServesAsync(server);
    }

    [Fact]
    public async Task Bodies_texts_and_tokens_have_bounds()
    {
        await using RunningServer server = await StartAsync(new ServerLimits { MaxBodyBytes = 4000, MaxTexts = 5, MaxRequestTokens = 300 });
        Assert.Equal(413, (await server.PostAsync("/classify", Input([Ids(2000, 1)]), Stop)).Status);
        Assert.Equal(413, (await server.PostAsync("/classify", Input(Enumerable.Range(0, 6).Select(i => Ids(2, i))), Stop)).Status);
        Assert.Equal(413, (await server.PostAsync("/classify", Input(Enumerable.Range(0, 4).Select(i => Ids(80, i))), Stop)).Status);
        (int status, JsonNode? body) = await server.PostAsync("/get_reward", new string(' ', 5000), Stop);
        Assert.Equal(413, status);
        Assert.Contains("4000 bytes", body!["error"]!.GetValue<string>(), StringComparison.Ordinal);

        // A body without a length is cut off too.
        using var endless = new StreamContent(new EndlessStream());
        endless.Headers.TryAddWithoutValidation("Content-Type", "application/json");
        try
        {
            using HttpResponseMessage answer = await server.Client.PostAsync("/classify", endless, Stop);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        }
        catch (HttpRequestException)
        {
            // The connection was closed while the client was still sending.
        }

        await AssertServesAsync(server);
    }

    [Fact]
    public async Task A_request_out_of_time_is_told_so_and_leaves_the_queue()
    {
        await using RunningServer server = await StartAsync(
            new ServerLimits { RequestTimeout = TimeSpan.FromMilliseconds(1), MaxRequestTokens = 1 << 20 });
        string json = Input(Enumerable.Range(0, 1000).Select(i => Ids(200, i)));
        (int status, JsonNode? body) = await server.PostAsync("/classify", json, Stop);
        Assert.Equal(503, status);
        Assert.Contains("No score within", body!["error"]!["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Contains("btrm_queue_tokens 0\n", await server.Client.GetStringAsync("/metrics", Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slow_client_is_let_go()
    {
        await using RunningServer server = await StartAsync(new ServerLimits { SlowClientTimeout = TimeSpan.FromSeconds(1.5) });
        const string Head = "POST /classify HTTP/1.1\r\nHost: x\r\n";
        foreach (string beginning in new[] { Head, Head + "Content-Length: 100\r\n\r\n{" })
        {
            using var connection = new TcpClient();
            await connection.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port, Stop);
            NetworkStream stream = connection.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(beginning), Stop);
            Assert.True(await IsLetGoAsync(stream), beginning);
        }

        await AssertServesAsync(server);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_key_is_asked_for_where_it_should_be_and_never_logged(bool everywhere)
    {
        var key = ApiKey.Read(_scratch.Write("key", "open-sesame\nmore\n"), everywhere);
        await using RunningServer server = await RunningServer.StartAsync(Golden.ModelFolderPath, [Golden.AdapterPath!], key: key);
        (string Path, bool Guarded)[] paths =
        [
            ("/classify", everywhere), ("/v1/models", true), ("/v1/rewards", true), ("/v1x", everywhere), ("/health", false),
            ("/metrics", everywhere),
        ];
        foreach ((string path, bool guarded) in paths)
        {
            foreach ((string? given, bool right) in new (string?, bool)[]
            {
                (null, false), ("Bearer open-sesame", true), ("bearer open-sesame", true), ("Bearer open-sesamE", false),
                ("Basic open-sesame", false), ("Bearer ", false),
                ("open-sesame", false), ("Bearer open-sesame2", false),
            })
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, path);
                request.Headers.TryAddWithoutValidation("Authorization", given);
                using HttpResponseMessage answer = await server.Client.SendAsync(request, Stop);
                Assert.Equal(guarded && !right, answer.StatusCode == HttpStatusCode.Unauthorized);
            }
        }

        Assert.DoesNotContain("sesame", server.Log, StringComparison.Ordinal);
        Btrm.Fail(
            2, ["serve", "--model", Golden.ModelFolderPath, "--api-key-file", _scratch.Write("none", "\n")], "first line must be the key");
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    [InlineData("192.0.2.1")]
    public void Other_machines_need_a_key(string host) => Btrm.Fail(
        2, ["serve", "--model", Golden.ModelFolderPath, "--host", host, "--port", "0"], $"--host {host}", "--api-key-file FILE");

    [Fact]
    public void What_makes_no_sense_is_refused_before_anything_is_loaded()
    {
        Btrm.Fail(2, ["serve"], "--model DIR");
        Btrm.Fail(2, ["serve", "--model", Golden.ModelFolderPath, "--port", "70000"], "--port");
        Btrm.Fail(2, ["serve", "--model", Golden.ModelFolderPath, "--host", "nowhere.example"], "--host 'nowhere.example' is no address");
        Btrm.Fail(2, ["serve", "--model", Golden.ModelFolderPath, "--request-timeout", "0"], "--request-timeout");
        Btrm.Fail(2, ["serve", "--model", Golden.ModelFolderPath, "--api-key-scope", "some"], "--api-key-scope 'some'");
        Btrm.Fail(2, ["serve", "--model", Golden.ModelFolderPath, "--api-key-file", _scratch["missing"]], "--api-key-file", "missing");
        Btrm.Fail(
            2, ["serve", "--model", Path.Combine(TestPaths.Repository, "examples", "quickstart", "model"), "--device", "cpu"],
            "no reward head");
        string adapter = Golden.AdapterPath!;
        Btrm.Fail(
            2, ["serve", "--model", Golden.ModelFolderPath, "--adapter", adapter, "--adapter", adapter, "--device", "cpu"],
            "Two adapters are called adapter");
    }

    // The connection ends by itself: after an answer, or cut off where the client still owes bytes.
    private static async Task<bool> IsLetGoAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        try
        {
            string answer = await reader.ReadToEndAsync(patience.Token);
            return answer.Length == 0 || answer.Contains(" 408 ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static Task<RunningServer> StartAsync(ServerLimits limits) =>
        RunningServer.StartAsync(Golden.ModelFolderPath, [Golden.AdapterPath!], limits: limits);

    private static int[] Ids(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => ((i * 31) + (seed * 17)) % 256)];

    private static string Input(IEnumerable<int[]> ids) => JsonSerializer.Serialize(new { input = ids });

    private static async Task AssertServesAsync(RunningServer server)
    {
        (int status, _) = await server.PostAsync("/classify", Input([[1, 2, 3]]), Stop);
        Assert.Equal(200, status);
        Assert.Empty(server.Failures);
    }

    private sealed class EndlessStream : Stream
    {
        private long _given;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)' ');
            _given += count;
            return _given < 50_000_000 ? count : 0;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
