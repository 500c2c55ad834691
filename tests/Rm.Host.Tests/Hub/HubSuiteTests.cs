using System.Text.Json.Nodes;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Evaluation;

namespace Rm.Host.Tests.Hub;

/// <summary>
/// Benchmarks by the names and in the layouts in which they are published: from a hub on loopback, and from a folder with the same files.
/// </summary>
[Collection(HubEnvironment.Name)]
public sealed class HubSuiteTests : IDisposable
{
    private readonly FakeHub _hub = new();
    private readonly ScratchFolder _folder = new();
    private readonly HubEnvironment _environment;

    public HubSuiteTests() => _environment = new HubEnvironment(_hub, _folder);

    public void Dispose()
    {
        _environment.Dispose();
        _hub.Dispose();
        _folder.Dispose();
    }

    // The second file is what must not be read: the raw rows, the other judge.
    [Theory]
    [InlineData("reward-bench", "allenai/reward-bench", "data/filtered-00000-of-00001.jsonl", "data/raw-00000-of-00001.jsonl")]
    [InlineData("reward-bench-2", "allenai/reward-bench-2", "data/test-00000-of-00001.jsonl", null)]
    [InlineData("rm-bench", "THU-KEG/RM-Bench", "total_dataset.json", null)]
    [InlineData("judge-bench", "ScalerLab/JudgeBench", "data/gpt-00000-of-00001.jsonl", "data/claude-00000-of-00001.jsonl")]
    public void A_suite_finds_its_dataset_by_name_and_in_a_folder_of_its_layout(string suite, string dataset, string file, string? other)
    {
        string model = SuiteTests.ModelWithHead(_folder), copy = Path.Combine(_folder.Path, "copy");
        FakeRepo repo = _hub.Add($"datasets/{dataset}").With("README.md", "# A benchmark");
        foreach ((string name, int rows) in new[] { (file, 3), (other ?? "", 5) }.Where(static entry => entry.Item1.Length > 0))
        {
            string text = Rows(suite, rows, name.EndsWith(".json", StringComparison.Ordinal));
            repo.With(name, text);
            string path = Path.Combine(copy, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }

        string Table(params string[] rows) => Btrm.Succeed(["eval", "--suite", suite, "--model", model, "--device", "cpu", .. rows]).Output;

        string expected = Table("--eval-file", Path.Combine(copy, file));
        Assert.Equal(expected, Table());
        Assert.Contains(_hub.Server.Requests, request => request.Path.EndsWith(Path.GetFileName(file), StringComparison.Ordinal));
        Assert.Equal(expected, Table("--hf-dataset", copy));
        if (suite == "judge-bench")
        {
            Assert.NotEqual(expected, Table("--hf-dataset", copy, "--eval-split", "claude"));
        }
    }

    private static string Rows(string suite, int count, bool asArray)
    {
        JsonObject[] rows = [.. Enumerable.Range(0, count).Select(i => Row(suite, i))];
        return asArray
            ? new JsonArray([.. rows]).ToJsonString()
            : string.Concat(rows.Select(static row => row.ToJsonString() + "\n"));
    }

    private static JsonObject Row(string suite, int i)
    {
        string[] Answers(string kind) => [$"{kind} {i}", $"A longer {kind} {i}, with words", $"**{kind}** {i}, in style"];
        JsonArray List(string kind) => [.. Answers(kind).Select(static text => JsonValue.Create(text))];
        return suite switch
        {
            "reward-bench" => new JsonObject
            {
                ["prompt"] = $"Question {i}?",
                ["chosen"] = Answers("right")[0],
                ["chosen_model"] = "one",
                ["rejected"] = Answers("wrong")[1],
                ["rejected_model"] = "two",
                ["subset"] = "alpacaeval-easy",
                ["id"] = i,
            },
            "reward-bench-2" => new JsonObject
            {
                ["id"] = $"{i}",
                ["prompt"] = $"Question {i}?",
                ["chosen"] = new JsonArray(Answers("right")[0]),
                ["rejected"] = List("wrong"),
                ["num_correct"] = 1,
                ["num_incorrect"] = 3,
                ["total_completions"] = 4,
                ["subset"] = "Math",
            },
            "rm-bench" => new JsonObject
            {
                ["id"] = $"{i}",
                ["prompt"] = $"Question {i}?",
                ["chosen"] = List("right"),
                ["rejected"] = List("wrong"),
                ["domain"] = new[] { "chat", "math", "safety-refuse" }[i % 3],
            },
            _ => new JsonObject
            {
                ["pair_id"] = $"p{i}",
                ["original_id"] = $"{i}",
                ["source"] = "mmlu-pro-law",
                ["question"] = $"Question {i}?",
                ["response_model"] = "a model",
                ["response_A"] = Answers("right")[0],
                ["response_B"] = Answers("wrong")[1],
                ["label"] = i % 2 == 0 ? "A>B" : "B>A",
            },
        };
    }
}
