using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.EndToEnd;
using Rm.Training.Suites;

namespace Rm.Host.Tests.Evaluation;

/// <summary>Reward benchmarks against what their own code gave on the same rewards and rows (tests/golden/suites).</summary>
public sealed class SuiteTests
{
    private static readonly string Golden = Path.Combine(TestPaths.Golden, "suites");

    public static TheoryData<string> TiesCases() =>
        [.. Formulas().GetProperty("cases").EnumerateArray().Select(c => c.GetProperty("name").GetString()!)];

    [Theory]
    [MemberData(nameof(TiesCases))]
    public void Reward_bench_2_scores_are_those_of_its_own_code(string name)
    {
        JsonElement c = Formulas().GetProperty("cases").EnumerateArray().Single(entry => entry.GetProperty("name").GetString() == name);
        ScoredAnswers[] rows = [.. c.GetProperty("rows").EnumerateArray().Select(row => new ScoredAnswers(
            row.GetProperty("id").GetString()!, row.GetProperty("subset").GetString()!,
            [.. row.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle())],
            row.GetProperty("num_correct").GetInt32()))];
        SuiteTable table = RewardBench2Table.Of(rows);
        foreach (JsonProperty subset in c.GetProperty("subset_scores").EnumerateObject())
        {
            Same(subset.Value, Line(table, subset.Name).Score);
        }

        Same(c.GetProperty("mean_of_subsets"), Line(table, "mean of subsets").Score);
        if (c.TryGetProperty("ties_by_main_branch", out JsonElement repository))
        {
            // Where that code fails, there is no score.
            Same(repository, Line(table, "Ties, repository's formula").Score);
        }

        foreach ((JsonElement row, ScoredAnswers scored) in c.GetProperty("rows").EnumerateArray().Zip(rows))
        {
            if (row.TryGetProperty("result", out JsonElement result) && result.ValueKind == JsonValueKind.Number)
            {
                Assert.Equal(result.GetDouble(), scored.BestOf);
            }
        }

        Assert.All(table.Lines.Where(line => double.IsFinite(line.Score)), line =>
            Assert.InRange(line.Score, line.Low - 1e-12, line.High + 1e-12));
    }

    [Fact]
    public void Reward_bench_sections_are_those_of_its_own_code()
    {
        foreach (JsonElement entry in Formulas().GetProperty("rewardbench1").EnumerateArray())
        {
            (SuiteLine Line, double Weight)[] Parts(Rm.Training.Evaluation.BenchmarkSection section) =>
                [.. section.Subsets.Where(s => entry.GetProperty("accuracies").TryGetProperty(s.Key, out _)).Select(s =>
                    (new SuiteLine(s.Key, entry.GetProperty("accuracies").GetProperty(s.Key).GetDouble(), 0, 1, 1, 2), (double)s.Value))];
            foreach (Rm.Training.Evaluation.BenchmarkSection section in Rm.Training.Evaluation.SectionTable.RewardBench)
            {
                double expected = entry.GetProperty("sections").GetProperty(section.Section).GetDouble();
                if (Parts(section) is { Length: > 0 } parts)
                {
                    Assert.Equal(expected, SuiteLine.OfParts(section.Section, parts, 1).Score, 1e-15);
                }
            }
        }
    }

    [Fact]
    public void Reward_bench_rows_get_the_rewards_of_its_own_command_and_a_tie_is_no_win()
    {
        using var scratch = new ScratchFolder();
        JsonElement tiny = Read("tiny.json");
        JsonElement[] expected =
            [.. File.ReadLines(Path.Combine(Golden, "reward-bench-expected.jsonl")).Select(line => JsonElement.Parse(line))];
        (JsonElement figures, JsonElement[] rows, string error) = Run(scratch, "reward-bench", "reward-bench.jsonl.gz");
        Assert.Equal(expected.Length, rows.Length);
        Assert.All(expected.Zip(rows), pair =>
        {
            float[] scores = [.. pair.Second.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle())];
            Assert.Equal(pair.First.GetProperty("score_chosen").GetDouble(), scores[0], 1e-4);
            Assert.Equal(pair.First.GetProperty("score_rejected").GetDouble(), scores[1], 1e-4);
            Assert.Equal(pair.First.GetProperty("result").GetInt32(), scores[0] > scores[1] ? 1 : 0);
        });
        Assert.Equal(4, rows.Count(row => row.GetProperty("scores")[0].GetSingle() == row.GetProperty("scores")[1].GetSingle()));
        JsonElement all = figures.GetProperty("scores")[0];
        Assert.Equal(("all pairs", 103), (all.GetProperty("name").GetString(), all.GetProperty("rows").GetInt32()));
        Assert.Equal(tiny.GetProperty("reward_bench").GetProperty("accuracy").GetDouble(), all.GetProperty("score").GetDouble());
        Assert.Contains("Chat lacks", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Reward_bench_2_rows_get_the_rewards_of_its_own_script_and_equal_texts_tie()
    {
        using var scratch = new ScratchFolder();
        JsonElement tiny = Read("tiny.json");
        (JsonElement figures, JsonElement[] rows, string error) = Run(scratch, "reward-bench-2", "reward-bench-2.jsonl.gz");
        Assert.All(tiny.GetProperty("reward_bench_2_rows").EnumerateArray().Zip(rows), pair =>
        {
            Assert.Equal(pair.First.GetProperty("id").GetString(), pair.Second.GetProperty("id").GetString());
            Assert.All(
                pair.First.GetProperty("scores").EnumerateArray().Zip(pair.Second.GetProperty("scores").EnumerateArray()),
                score => Assert.Equal(score.First.GetDouble(), score.Second.GetDouble(), 1e-4));
        });
        foreach (JsonProperty subset in tiny.GetProperty("reward_bench_2").EnumerateObject())
        {
            double score = figures.GetProperty("scores").EnumerateArray()
                .Single(line => line.GetProperty("name").GetString() == subset.Name).GetProperty("score").GetDouble();

            // Ties has a term that is continuous in the rewards.
            Assert.Equal(subset.Value.GetDouble(), score, subset.Name == RewardBench2Table.Ties ? 1e-6 : 1e-15);
        }

        // "Yes." is there twice.
        float[] twice = [.. rows.Single(row => row.GetProperty("id").GetString() == "tied:3").GetProperty("scores").EnumerateArray()
            .Select(score => score.GetSingle())];
        Assert.Equal(twice[0], twice[1]);
        Assert.Contains("mean of subsets", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Rm_bench_compares_every_right_answer_with_every_wrong_one()
    {
        // Right answers 3, 2, 1 and wrong ones 1, 2, 2.5: a row of the matrix for each right one.
        ScoredAnswers[] rows =
        [
            new("1", "chat", [3, 2, 1, 1, 2, 2.5f], 3),
            new("2", "math", [1, 1, 1, 1, 1, 1], 3),
            new("3", "safety-refuse", [2, 2, 2, 1, 1, 1], 3),
            new("4", "safety-response", [0, 0, 0, 1, 1, 1], 3),
        ];
        SuiteTable table = RmBenchTable.Of(rows);
        Assert.Equal(4 / 9.0, Line(table, "chat").Score);
        Assert.Equal(0, Line(table, "math").Score);
        Assert.Equal(0.5, Line(table, "safety").Score);
        Assert.Equal(((4 / 9.0) + 0 + 0.5) / 3, Line(table, "mean of domains").Score, 1e-15);
        Assert.Equal(((2 / 3.0) + 0 + 0.5) / 3, Line(table, "hard").Score, 1e-15);
        Assert.Equal(((1 / 3.0) + 0 + 0.5) / 3, Line(table, "normal").Score, 1e-15);
        Assert.Equal(((1 / 3.0) + 0 + 0.5) / 3, Line(table, "easy").Score, 1e-15);
    }

    [Fact]
    public void Judge_bench_scores_its_categories_and_every_pair_alike()
    {
        using var scratch = new ScratchFolder();
        string file = scratch.Write(
            "judge.jsonl",
            string.Concat(new[] { ("mmlu-pro-law", "A>B"), ("mmlu-pro-law", "B>A"), ("livecodebench", "A>B"),
                ("livebench-math", "B>A") }.Select((row, i) => new JsonObject
                {
                    ["pair_id"] = $"p{i}",
                    ["source"] = row.Item1,
                    ["question"] = "Which number is larger?",
                    ["response_A"] = "The first.",
                    ["response_B"] = i == 3 ? "The first." : "None, really.",
                    ["label"] = row.Item2,
                }.ToJsonString() + "\n")));
        string model = ModelWithHead(scratch);
        CommandResult result = Btrm.Succeed("eval", "--suite", "judge-bench", "--model", model, "--eval-file", file, "--device", "cpu");
        JsonElement[] lines = [.. JsonElement.Parse(result.Output).GetProperty("scores").EnumerateArray()];
        Assert.Equal(["overall", "coding", "knowledge", "math"], lines.Select(line => line.GetProperty("name").GetString()));

        // One text twice with both labels: one of the two is right. Equal answers are no win.
        Assert.Equal(0.5, lines[2].GetProperty("score").GetDouble());
        Assert.Equal(0, lines[3].GetProperty("score").GetDouble());
        Btrm.Fail(2, ["eval", "--suite", "judgebench", "--model", model, "--eval-file", file], "no such benchmark", "judge-bench");
        File.WriteAllText(file, File.ReadAllText(file).Replace("A\\u003EB", "A=B", StringComparison.Ordinal));
        Btrm.Fail(2, ["eval", "--suite", "judge-bench", "--model", model, "--eval-file", file, "--device", "cpu"],
            "judge.jsonl, line 1, field 'label'", "must be A>B or B>A");
    }

    [Fact]
    public void Weighted_intervals_join_those_of_the_parts()
    {
        var one = SuiteLine.OfRows("one", [1, 1, 1, 0], 1);
        var same = SuiteLine.OfParts("same", [(one, 3)], 0);
        Assert.Equal((one.Score, one.Rows), (same.Score, same.Rows));
        Assert.Equal(one.Low, same.Low, 1e-15);
        Assert.Equal(one.High, same.High, 1e-15);
        Assert.Equal(Rm.Training.Statistics.WilsonInterval.Of(3, 4).Low, one.Low, 1e-15);
        var both = SuiteLine.OfParts("both", [(one, 1), (one, 1)], 0);
        Assert.Equal((one.High - one.Score) / Math.Sqrt(2), both.High - both.Score, 1e-12);
    }

    private static (JsonElement Figures, JsonElement[] Rows, string Error) Run(
        ScratchFolder scratch, string suite, string file)
    {
        string rows = scratch["rows.jsonl"];
        CommandResult result = Btrm.Succeed(
            "eval", "--suite", suite, "--model", ModelWithHead(scratch), "--eval-file", Path.Combine(Golden, file), "--max-seq-len",
            "0", "--device", "cpu",
            "--save-rows", rows);
        return (JsonElement.Parse(result.Output), [.. File.ReadLines(rows).Select(line => JsonElement.Parse(line))], result.Error);
    }

    /// <summary>The quickstart's model with a head whose numbers the goldens have; its folder.</summary>
    internal static string ModelWithHead(ScratchFolder scratch)
    {
        string source = Path.Combine(TestPaths.Repository, "examples", "quickstart", "model"), model = scratch["model"];
        Directory.CreateDirectory(model);
        foreach (string file in Directory.GetFiles(source).Where(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        }

        File.Copy(Path.Combine(source, "model.safetensors"), Path.Combine(model, "model-1.safetensors"));
        float[] head = [.. Read("tiny.json").GetProperty("head").EnumerateArray().Select(value => value.GetSingle())];
        WriteHead(Path.Combine(model, "model-2.safetensors"), head);
        var map = new JsonObject { ["score.weight"] = "model-2.safetensors" };
        using (var weights = SafetensorsFile.Open(Path.Combine(source, "model.safetensors")))
        {
            foreach (string name in weights.Tensors.Keys)
            {
                map[name] = "model-1.safetensors";
            }
        }

        File.WriteAllText(Path.Combine(model, "model.safetensors.index.json"),
            new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
        return model;
    }

    // The format by hand: length of the header, header, values.
    private static void WriteHead(string path, float[] head)
    {
        var header = new JsonObject
        {
            ["score.weight"] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray(1, head.Length),
                ["data_offsets"] = new JsonArray(0, 4 * head.Length)
            },
        };
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write((long)json.Length);
        writer.Write(json);
        foreach (float value in head)
        {
            writer.Write(value);
        }
    }

    private static SuiteLine Line(SuiteTable table, string name) => table.Lines.Single(line => line.Name == name);

    private static void Same(JsonElement expected, double actual)
    {
        if (expected.ValueKind == JsonValueKind.Number)
        {
            Assert.Equal(expected.GetDouble(), actual, 1e-15);
        }
        else
        {
            Assert.Equal(double.NaN, actual);
        }
    }

    private static JsonElement Formulas()
    {
        using var stream = new GZipStream(File.OpenRead(Path.Combine(Golden, "formulas.json.gz")), CompressionMode.Decompress);
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    private static JsonElement Read(string name) => JsonElement.Parse(File.ReadAllBytes(Path.Combine(Golden, name)));
}
