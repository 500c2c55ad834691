using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Host.Serving.Models;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.Serving;

/// <summary>
/// Many clients at once, with texts that begin alike, equal texts, long and short ones, several models, and requests that are given up:
/// every reward has the bits that <c>btrm score</c> gives for the text alone.
/// </summary>
public sealed class HammerTests : IDisposable
{
    private const int Vocabulary = 256;

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(300)]
    [InlineData(4096)]
    public async Task Rewards_under_load_are_those_of_btrm_score(int budget)
    {
        var golden = new GoldenCase("llama-tiny");
        string trained = Path.Combine(TestPaths.Golden, "cases", "llama-tiny", "trained-adapter");
        int[][] texts = Texts(new Random(7));
        var expected = new Dictionary<string, int[]>
        {
            ["first"] = Score(golden.ModelFolderPath, golden.AdapterPath!, texts),
            ["second"] = Score(golden.ModelFolderPath, trained, texts),
        };
        Assert.NotEqual(expected["first"], expected["second"]);
        await using RunningServer server = await RunningServer.StartAsync(
            golden.ModelFolderPath, [$"first={golden.AdapterPath}", $"second={trained}"], budget: budget,
            limits: new ServerLimits { MaxQueueTokens = long.MaxValue });
        int wrong = 0, right = 0, given = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, 16), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (client, stop) =>
        {
            var random = new Random(client);
            for (int round = 0; round < 12; round++)
            {
                int[] chosen = [.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => random.Next(texts.Length))];
                string model = random.Next(2) == 0 ? "first" : "second";
                string json = JsonSerializer.Serialize(new { model, input = chosen.Select(i => texts[i]), use_activation = false });
                using var patience = new CancellationTokenSource(
                    random.Next(5) == 0 ? TimeSpan.FromMilliseconds(random.Next(1, 30)) : TimeSpan.FromMinutes(5));
                try
                {
                    (int status, JsonNode? body) = await server.PostAsync("/classify", json, patience.Token);
                    Assert.Equal(200, status);
                    for (int i = 0; i < chosen.Length; i++)
                    {
                        float reward = (float)body!["data"]![i]!["probs"]![0]!.GetValue<double>();
                        _ = BitConverter.SingleToInt32Bits(reward) == expected[model][chosen[i]]
                            ? Interlocked.Increment(ref right)
                            : Interlocked.Increment(ref wrong);
                    }
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref given);
                }
            }
        });
        Assert.Equal(0, wrong);
        Assert.True(right > 500, $"{right} rewards, {given} requests given up");
        Assert.Empty(server.Failures);
        string metrics = await server.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        long Figure(string name) => long.Parse(
            metrics.Split('\n').Single(line => line.StartsWith(name + " ", StringComparison.Ordinal)).Split(' ')[1],
            System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal(0, Figure("btrm_queue_tokens"));
        Assert.True(Figure("btrm_computed_tokens_total") < Figure("btrm_tokens_total"), "nothing was shared");
    }

    [Fact]
    public async Task Rows_scored_on_a_server_are_those_scored_here()
    {
        string folder = ServedFolders.Make(_scratch, "rm-qwen2");
        string rows = _scratch.Write("rows.jsonl", string.Join('\n', Rows().Select(row => JsonSerializer.Serialize(row))));
        Btrm.Succeed("score", "--model", folder, "--input", rows, "--output", _scratch["here.jsonl"], "--device", "cpu");
        await using RunningServer server = await RunningServer.StartAsync(folder);
        Btrm.Succeed("score", "--server", server.Server.Address.ToString(), "--input", rows, "--output", _scratch["there.jsonl"]);
        Assert.Equal(File.ReadAllText(_scratch["here.jsonl"]), File.ReadAllText(_scratch["there.jsonl"]));
        Btrm.Fail(2, ["score", "--server", "http://127.0.0.1:1", "--input", rows, "--output", _scratch["x.jsonl"]], "cannot be reached");
        Btrm.Fail(
            2, ["score", "--server", server.Server.Address.ToString(), "--model", folder, "--input", rows, "--output", _scratch["x.jsonl"]],
            "--model");
        Btrm.Fail(
            2,
            [
                "score", "--server", server.Server.Address.ToString(), "--served-model-name", "other", "--input", rows,
                "--output", _scratch["x.jsonl"],
            ],
            "The model `other` does not exist");
        Assert.False(File.Exists(_scratch["x.jsonl"]));
    }

    [Fact]
    public async Task Candidates_of_a_prompt_are_rows_of_their_own()
    {
        string folder = ServedFolders.Make(_scratch, "rm-qwen2");
        string[] answers = ["Take a cup of rice and two cups of water.", "No.", "Boil it.", "No."];
        string rows = _scratch.Write("rows.jsonl", string.Join('\n', answers.Select(answer => JsonSerializer.Serialize(
            Talk("How do I cook rice?", answer)))));
        Btrm.Succeed("score", "--model", folder, "--input", rows, "--output", _scratch["here.jsonl"], "--device", "cpu");
        float[] expected = [.. File.ReadLines(_scratch["here.jsonl"]).Select(
            line => JsonElement.Parse(line).GetProperty("reward").GetSingle())];
        await using RunningServer server = await RunningServer.StartAsync(folder);
        (int status, JsonNode? body) = await server.PostAsync(
            "/v1/rewards", JsonSerializer.Serialize(new { prompt = "How do I cook rice?", candidates = answers }),
            TestContext.Current.CancellationToken);
        Assert.Equal(200, status);
        Assert.Equal(expected, body!["rewards"]!.AsArray().Select(reward => (float)reward!.GetValue<double>()));
        Assert.Equal(Array.IndexOf(expected, expected.Max()), body["best"]!.GetValue<int>());
    }

    private static IEnumerable<object> Rows()
    {
        yield return new { id = 1, text = "The river runs from the hills to the sea." };
        yield return new { id = 2, prompt = "How do I cook rice?", chosen = "Take a cup of rice and two cups of water.", rejected = "No." };
        yield return new { id = 3, input_ids = new[] { 5, 6, 7 } };
        yield return Talk("Grüße, 你好", "привет 🙂");
        yield return new { id = 5, prompt = string.Concat(Enumerable.Repeat("long prompt ", 600)), chosen = "yes", rejected = "no" };
    }

    private static object Talk(string prompt, string answer) =>
        new { messages = new[] { new { role = "user", content = prompt }, new { role = "assistant", content = answer } } };

    // Families that begin alike for more than a block of keys, and others.
    private static int[][] Texts(Random random)
    {
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(Vocabulary))];
        var texts = new List<int[]>();
        for (int family = 0; family < 5; family++)
        {
            int[] prefix = Ids(random.Next(1, 300));
            texts.AddRange(Enumerable.Range(0, 8).Select(_ => (int[])[.. prefix, .. Ids(random.Next(1, 70))]));
            texts.Add([.. prefix, 1]);
            texts.Add(prefix);
        }

        texts.AddRange(Enumerable.Range(0, 10).Select(_ => Ids(random.Next(1, 200))));
        return [.. texts];
    }

    private int[] Score(string model, string adapter, int[][] texts)
    {
        string input = _scratch.Write(
            "in.jsonl", string.Join('\n', texts.Select(ids => JsonSerializer.Serialize(new { input_ids = ids }))));
        Btrm.Succeed(
            "score", "--model", model, "--adapter", adapter, "--input", input, "--output", _scratch["out.jsonl"], "--device", "cpu");
        return [.. File.ReadLines(_scratch["out.jsonl"]).Select(
            line => BitConverter.SingleToInt32Bits(JsonElement.Parse(line).GetProperty("reward").GetSingle()))];
    }
}
