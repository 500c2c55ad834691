using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Rm.Host.Serving.Http;
using Rm.Host.Serving.Models;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.Serving;

/// <summary>
/// Damaged requests of every interface: each gets an answer in HTTP, none an internal error, nothing of it is logged or written to disk,
/// and the server goes on. BTRM_FUZZ_ITERATIONS sets the number of requests, BTRM_FUZZ_SEED the first seed.
/// </summary>
public sealed class ServeFuzzTests : IDisposable
{
    private const string Secret = "tell-no-one";

    private static readonly int Iterations = Setting("BTRM_FUZZ_ITERATIONS", 400);
    private static readonly int FirstSeed = Setting("BTRM_FUZZ_SEED", 1);

    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "5.5", "1e999", "-0.0", "NaN", "Infinity", "123456789012345678901234567890", "\"\"", "\"x\"",
        "\"\\ud800\"", "\"../../etc/passwd\"",
        "[]", "[[]]", "[[[]]]", "[1]", "[[1],[2]]", "[\"a\",1]", "{}", "{\"a\":[]}", "{\"role\":\"user\",\"content\":\"hi\"}",
        "[{\"role\":\"user\",\"content\":\"hi\"}]", "[{\"role\":5}]", "[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]",
        "\"max_length\"", "\"left\"", "\"base64\"",
        "2147483648", "[-1]", "[400]", "\"tell-no-one\"",
    ];

    private static readonly string[] Fields =
    [
        "model", "input", "messages", "text", "input_ids", "query", "queries", "documents", "items", "text_1", "text_2", "data_1", "data_2",
        "data", "prompts", "labels",
        "use_activation", "truncate_prompt_tokens", "truncation_side", "request_id", "priority", "user", "task", "encoding_format",
        "embed_dtype", "endianness",
        "dimensions", "top_n", "max_tokens_per_doc", "max_tokens_per_query", "add_special_tokens", "add_generation_prompt",
        "continue_final_message", "chat_template",
        "chat_template_kwargs", "prompt", "candidates", "rows", "tokens", "return_token_strs", "max_length", "normalize", "cache_salt",
        "mm_processor_kwargs", "csv",
    ];

    private static readonly string[] Paths =
    [
        "/classify", "/pooling", "/score", "/v1/score", "/rerank", "/v1/rerank", "/v2/rerank", "/v1/embeddings", "/v1/score/evaluation",
        "/get_reward", "/get_feedback",
        "/v1/rewards", "/tokenize", "/detokenize", "/invocations",
    ];

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task Bodies_of_every_kind_are_answered()
    {
        await using RunningServer server = await RunningServer.StartAsync(
            ServedFolders.Make(_scratch, "rm-qwen2"), maxLength: 64, limits: new ServerLimits { MaxBodyBytes = 20_000 });
        string before = Files();
        for (int seed = FirstSeed; seed < FirstSeed + Iterations; seed++)
        {
            var random = new Random(seed);
            string path = Paths[random.Next(Paths.Length)];
            byte[] body = Body(random);
            using var content = new ByteArrayContent(body);
            content.Headers.TryAddWithoutValidation("Content-Type", random.Next(6) == 0 ? "text/plain" : "application/json");
            using HttpResponseMessage answer = await server.Client.PostAsync(path, content, TestContext.Current.CancellationToken);
            string text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(
                (int)answer.StatusCode is 200 or 400 or 404 or 413 or 422,
                $"seed {seed}: {path} {Encoding.UTF8.GetString(body)}\n{(int)answer.StatusCode} {text}");
            Assert.False(
                text.Contains("   at ", StringComparison.Ordinal) || text.Contains("Exception", StringComparison.Ordinal),
                $"seed {seed}: {text}");
        }

        Assert.Empty(server.Failures);
        Assert.DoesNotContain(Secret, server.Log, StringComparison.Ordinal);
        Assert.Equal(before, Files());
        (int status, _) = await server.PostAsync("/classify", "{\"input\": [1, 2]}", TestContext.Current.CancellationToken);
        Assert.Equal(200, status);
    }

    [Fact]
    public async Task Bytes_of_every_kind_do_no_harm()
    {
        var golden = new GoldenCase("llama-tiny");
        var key = ApiKey.Read(_scratch.Write("key", Secret), guardsEverything: true);
        await using RunningServer server = await RunningServer.StartAsync(golden.ModelFolderPath, [golden.AdapterPath!], key: key);
        string[] pieces =
        [
            "GET ", "POST ", "/classify", "/../../etc/passwd", "/%2e%2e/%2e%2e/x", "/%00", "//", "/v1/models", "?model=../x",
            " HTTP/1.1\r\n", " HTTP/9.9\r\n", "Host: x\r\n",
            "Host: \u00ff\r\n", "Content-Length: 5\r\n", "Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: chunked\r\n",
            $"Authorization: Bearer {Secret}\r\n", "Authorization: Bearer wrong\r\n", "\r\n", "{}", "5\r\nhello\r\n0\r\n\r\n", "zzz\r\n",
            "\0\0\0", new string('a', 40_000),
            "X: " + new string('b', 9000) + "\r\n", "Content-Type: application/json\r\n",
        ];
        for (int seed = FirstSeed; seed < FirstSeed + (Iterations / 4); seed++)
        {
            var random = new Random(seed);
            var request = new StringBuilder();
            if (random.Next(2) == 0)
            {
                request.Append("POST /classify HTTP/1.1\r\nHost: x\r\n");
            }

            for (int i = random.Next(1, 8); i > 0; i--)
            {
                request.Append(pieces[random.Next(pieces.Length)]);
            }

            using var connection = new TcpClient { ReceiveTimeout = 100, LingerState = new LingerOption(true, 0) };
            await connection.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port, TestContext.Current.CancellationToken);
            try
            {
                NetworkStream stream = connection.GetStream();
                await stream.WriteAsync(Encoding.Latin1.GetBytes(request.ToString()), TestContext.Current.CancellationToken);
                byte[] answer = new byte[4096];
                using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(30));
                int count = await stream.ReadAsync(answer, patience.Token);
                string text = Encoding.Latin1.GetString(answer, 0, count);
                Assert.DoesNotContain("Exception", text, StringComparison.Ordinal);
                Assert.DoesNotContain("HTTP/1.1 500", text, StringComparison.Ordinal);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException)
            {
                // Closed, or waiting for more: both are right.
            }
        }

        Assert.Empty(server.Failures);
        Assert.DoesNotContain(Secret, server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("passwd", server.Log, StringComparison.Ordinal);
        using HttpResponseMessage health = await server.Client.GetAsync("/health", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
    }

    private static byte[] Body(Random random)
    {
        if (random.Next(10) == 0)
        {
            byte[] noise = new byte[random.Next(200)];
            random.NextBytes(noise);
            return noise;
        }

        var text = new StringBuilder("{");
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            text.Append(JsonSerializer.Serialize(Fields[random.Next(Fields.Length)])).Append(": ")
                .Append(Values[random.Next(Values.Length)]).Append(i > 1 ? ", " : "");
        }

        text.Append('}');
        byte[] body = Encoding.UTF8.GetBytes(text.ToString());
        if (random.Next(5) == 0)
        {
            body[random.Next(body.Length)] = (byte)random.Next(256);
        }

        return random.Next(12) == 0 ? body[..random.Next(body.Length)] : body;
    }

    private string Files() =>
        string.Join('\n', Directory.EnumerateFileSystemEntries(_scratch.Path, "*", SearchOption.AllDirectories).Order());

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), out int value) && value > 0 ? value : otherwise;
}
