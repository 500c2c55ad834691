using Rm.Host.Serving.Http;

namespace Rm.Host.Tests.Serving;

/// <summary>
/// What vLLM 0.32.0, LLaMA-Factory 0.9.5 and OpenRLHF 0.11.2 answered, asked of btrm: equal but for the differences that docs/serving.md
/// gives reasons for.
/// </summary>
public sealed class ExchangeReplayTests : IDisposable
{
    private const string Key = "sesame";

    // Every one of them must differ: a list that is longer than the truth would hide the next difference.
    private static readonly string[] Deliberate =
    [
        "rm-qwen2/013-unknown-path-post", // OpenRLHF's path is served
        "rm-qwen2/056-classify-sglang-form", // SGLang's form is served
        "rm-qwen2/080-classify-padding-max-length", // no padding: the reward is read at the last token of the text
        "rm-qwen2/216-embeddings", // verl's request for SGLang is served
        "rm-qwen2/221-score-evaluation", // LLaMA-Factory's path is served
        "llamafactory/013-models", // /v1/models has vLLM's form
        "llamafactory/014-chat-completions", // a path of no interface that is served
        "llamafactory-key/019-key-models-without", // /v1/models has vLLM's form
        "openrlhf/006-empty-query-list", // no texts have no rewards
        "openrlhf/007-missing-query", // a fault of the request is not the server's
        "openrlhf/008-empty-text",
        "openrlhf/012-bad-json",
    ];

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData("vllm.jsonl", "rm-qwen2", 162)]
    [InlineData("vllm.jsonl", "rm-qwen2-key", 17)]
    [InlineData("vllm.jsonl", "rm-qwen2-regression", 7)]
    [InlineData("vllm.jsonl", "rm-llama", 17)]
    [InlineData("others.jsonl", "llamafactory", 15)]
    [InlineData("others.jsonl", "llamafactory-key", 5)]
    [InlineData("others.jsonl", "openrlhf", 14)]
    public async Task Recorded_exchanges_are_answered_alike(string file, string server, int count)
    {
        Exchange[] exchanges = [.. Exchange.Read(file).Where(e => e.Server == server)];
        Assert.Equal(count, exchanges.Length);
        ApiKey? key = server.EndsWith("-key", StringComparison.Ordinal)
            ? ApiKey.Read(_scratch.Write("key", Key + "\n"), guardsEverything: false)
            : null;
        await using RunningServer running = await RunningServer.StartAsync(ServedFolders.Make(_scratch, server), maxLength: 128, key: key);
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = running.Server.Address };
        var differing = new List<string>();
        var found = new List<string>();
        foreach (Exchange exchange in exchanges)
        {
            List<string> differences = await exchange.ReplayAsync(client);
            string name = $"{server}/{exchange.Name}";
            if (differences.Count > 0 && Deliberate.Contains(name))
            {
                differing.Add(name);
            }
            else
            {
                found.AddRange(differences.Select(difference => $"{name}: {difference}"));
            }
        }

        Assert.True(found.Count == 0, string.Join('\n', found));
        Assert.Equal(Deliberate.Where(name => name.StartsWith(server + "/", StringComparison.Ordinal)).Order(), differing.Order());
        Assert.Empty(running.Failures);
        Assert.DoesNotContain(Key, running.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("rice", running.Log, StringComparison.Ordinal);
    }

    [Fact]
    public void There_are_at_most_twelve_deliberate_differences() => Assert.InRange(Deliberate.Length, 0, 12);

    [Fact]
    public void The_comparison_sees_a_reward_that_is_off_by_a_thousandth()
    {
        Exchange exchange = Exchange.Read("vllm.jsonl").Single(e => e.Name == "016-classify-activation-false");
        string body = exchange.Response.GetProperty("body").GetRawText();
        using var answer = new HttpResponseMessage { Content = new StringContent("", System.Text.Encoding.UTF8, "application/json") };
        Assert.Empty(ExchangeComparison.Compare(exchange, answer, System.Text.Encoding.UTF8.GetBytes(body)));
        string off = body.Replace("0.8875972032546997", "0.8884848004579544", StringComparison.Ordinal);
        Assert.Single(ExchangeComparison.Compare(exchange, answer, System.Text.Encoding.UTF8.GetBytes(off)));
        string integer = body.Replace("\"num_classes\": 1", "\"num_classes\": 1, \"more\": 1", StringComparison.Ordinal)
            .Replace("\"num_classes\":1", "\"num_classes\":1,\"more\":1", StringComparison.Ordinal);
        Assert.Single(ExchangeComparison.Compare(exchange, answer, System.Text.Encoding.UTF8.GetBytes(integer)));
    }
}
