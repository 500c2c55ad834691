using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// A row's scores depend on the row alone: to the bit the same whatever other rows are in the file, in whatever order, however they are
/// packed and by however many threads they are computed.
/// </summary>
public sealed class ScoreInvarianceTests
{
    private const int Rows = 60;

    public static TheoryData<string> Names => GoldenCase.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Scores_do_not_depend_on_the_other_rows(string name)
    {
        var golden = new GoldenCase(name);
        using var scratch = new ScratchFolder();
        JsonObject[] rows = [.. MixedRows()];
        foreach (string sharing in new[] { "--no-prefix-sharing", "--micro-token-budget=8192" })
        {
            Dictionary<int, string> reference = Score(golden, scratch, rows, sharing, "--threads=1");
            Assert.Equal(Rows, reference.Count);
            var random = new Random(5);
            foreach (string further in new[] { "--threads=1", "--threads=2", "--threads=3" })
            {
                JsonObject[] some = [.. rows];
                random.Shuffle(some);
                foreach (int count in new[] { Rows, 17, 1 })
                {
                    int budget = random.Next(1, 400);
                    string[] options = sharing.StartsWith("--no", StringComparison.Ordinal)
                        ? [sharing, $"--micro-token-budget={budget}", further]
                        : [$"--micro-token-budget={budget}", further];
                    foreach ((int id, string rewards) in Score(golden, scratch, some[..count], options))
                    {
                        Assert.True(reference[id] == rewards,
                            $"row {id}: {reference[id]}, then {rewards} with {string.Join(' ', options)}, {count} rows");
                    }
                }
            }
        }
    }

    [Fact]
    public void Evaluation_and_score_agree()
    {
        var golden = new GoldenCase("llama-tiny");
        using var scratch = new ScratchFolder();
        string file = scratch.Write("pairs.jsonl", IdRows.Random(40, 256, 40, seed: 9));
        JsonElement eval = JsonDocument.Parse(Btrm.Succeed(
            "eval", "--model", golden.ModelFolderPath, "--adapter", golden.AdapterPath!, "--eval-file", file, "--micro-token-budget", "77")
                .Output).RootElement;
        Btrm.Succeed(
            "score", "--model", golden.ModelFolderPath, "--adapter", golden.AdapterPath!, "--input", file, "--output", scratch["o.jsonl"]);
        JsonElement[] rows = IdRows.Read(scratch["o.jsonl"]);
        float[] chosen = [.. rows.Select(r => r.GetProperty("chosen_reward").GetSingle())];
        float[] rejected = [.. rows.Select(r => r.GetProperty("rejected_reward").GetSingle())];
        Assert.Equal(chosen.Zip(rejected).Count(p => p.First > p.Second) / 40.0, eval.GetProperty("eval_accuracy").GetDouble());
        Assert.Equal(Math.Min(chosen.Min(), rejected.Min()), eval.GetProperty("eval_min_reward").GetSingle());
        Assert.Equal(Math.Max(chosen.Max(), rejected.Max()), eval.GetProperty("eval_max_reward").GetSingle());
        Assert.Equal(chosen.Zip(rejected).Average(p => (double)p.First - p.Second), eval.GetProperty("eval_margin").GetDouble(), 1e-12);
    }

    [Fact]
    public void Training_gives_the_same_bits_on_every_number_of_threads_and_with_recomputation()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("reference", steps: 12, saveEvery: 0));
        foreach (string further in new[] { "--threads=2", "--threads=3", "--recompute=full" })
        {
            string[] arguments = [.. run.Arguments(further, steps: 12, saveEvery: 0)];
            if (further.StartsWith("--threads", StringComparison.Ordinal))
            {
                arguments = arguments[..Array.IndexOf(arguments, "--threads")];
            }

            Btrm.Succeed([.. arguments, further]);
            run.AssertSame("reference", further, further);
        }
    }

    // Pairs and single texts, long and short.
    private static IEnumerable<JsonObject> MixedRows()
    {
        int i = 0;
        foreach (JsonObject pair in IdRows.RandomPairs(Rows, 256, 70, seed: 3))
        {
            yield return i++ % 3 == 2 ? new JsonObject { ["id"] = i - 1, ["input_ids"] = pair["chosen_ids"]!.DeepClone() } : pair;
        }
    }

    private static Dictionary<int, string> Score(GoldenCase golden, ScratchFolder scratch, JsonObject[] rows, params string[] options)
    {
        string input = scratch.Write("in.jsonl", IdRows.Lines(rows));
        Btrm.Succeed(
        [
            "score", "--model", golden.ModelFolderPath, .. golden.AdapterPath is { } adapter ? new[] { "--adapter", adapter } : [],
            "--input", input, "--output", scratch["out.jsonl"], .. options,
        ]);
        JsonElement[] scored = IdRows.Read(scratch["out.jsonl"]);
        Assert.Equal(rows.Select(r => r["id"]!.GetValue<int>()), scored.Select(r => r.GetProperty("id").GetInt32()));
        return scored.ToDictionary(r => r.GetProperty("id").GetInt32(), Rewards);
    }

    private static string Rewards(JsonElement row) => string.Join(' ', row.EnumerateObject()
        .Where(p => p.Name.EndsWith("reward", StringComparison.Ordinal))
        .Select(p => $"{p.Name} {BitConverter.SingleToInt32Bits(p.Value.GetSingle()):X8}"));
}
