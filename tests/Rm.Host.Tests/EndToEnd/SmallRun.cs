using System.Text.Json.Nodes;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// A small training job in which everything is on that an interruption could upset: dropout, shuffling over epochs, windows of metrics,
/// evaluations, best models, samples, and a checkpoint every other step.
/// </summary>
internal sealed class SmallRun
{
    private static readonly string[] Timings = ["tokens_per_second", "elapsed_seconds"];

    private readonly ScratchFolder _scratch;
    private readonly GoldenCase _golden = new("qwen2-tiny");

    public SmallRun(ScratchFolder scratch, int evalPairs = 12)
    {
        _scratch = scratch;
        scratch.Write("train.jsonl", IdRows.Random(30, vocabulary: 512, maxLength: 40, seed: 1));
        scratch.Write("eval.jsonl", IdRows.Random(evalPairs, vocabulary: 512, maxLength: 40, seed: 2));
    }

    public string[] Arguments(string output, int steps = 60, int saveEvery = 2, int keep = 2) =>
    [
        "train", "--model", _golden.ModelFolderPath, "--train-file", _scratch["train.jsonl"], "--eval-file", _scratch["eval.jsonl"],
        "--output-dir", _scratch[output], "--lora", "--lora-rank", "4", "--lora-dropout", "0.1", "--lora-modules-to-save", "norm",
        "--steps", $"{steps}", "--batch-size", "4", "--micro-token-budget", "60", "--lr", "1e-2", "--warmup-steps", "3", "--eval-every",
        "4",
        "--eval-on-start", "--best-metric", "loss", "--save-every", $"{saveEvery}", "--keep-checkpoints", $"{keep}", "--log-every", "3",
        "--log-samples", "2", "--threads", "1",
    ];

    public long LogLength(string output) => File.Exists(Metrics(output)) ? new FileInfo(Metrics(output)).Length : 0;

    /// <summary>Both runs gave the same models to the bit, and the same logs but for timings.</summary>
    public void AssertSame(string expected, string actual, string because)
    {
        foreach (string file in new[] { "final/adapter_model.safetensors", "best/adapter_model.safetensors", "samples.jsonl",
            "eval-rows/best.jsonl", "eval-rows/last.jsonl" })
        {
            Assert.True(
                File.ReadAllBytes(Path.Combine(_scratch[expected], file))
                    .SequenceEqual(File.ReadAllBytes(Path.Combine(_scratch[actual], file))),
                $"{file} differs: {because}");
        }

        string[] before = MetricsWithoutTimings(expected), after = MetricsWithoutTimings(actual);
        Assert.True(before.SequenceEqual(after), $"metrics.jsonl differs: {because}\n{string.Join('\n', after.Except(before).Take(5))}");
        Assert.Equal(Result(expected), Result(actual));
        string[] leftovers = [.. Directory.EnumerateFileSystemEntries(_scratch[actual], "*", SearchOption.AllDirectories)
            .Where(p => Path.GetFileName(p) is var name && (name.StartsWith(".tmp", StringComparison.Ordinal)
                || name.StartsWith(".old", StringComparison.Ordinal) || name.Contains(".tmp-", StringComparison.Ordinal)))];
        Assert.Empty(leftovers);
    }

    private string Metrics(string output) => Path.Combine(_scratch[output], "metrics.jsonl");

    private string[] MetricsWithoutTimings(string output) => [.. File.ReadAllLines(Metrics(output)).Select(Untimed)];

    private string Result(string output)
    {
        JsonObject result = JsonNode.Parse(File.ReadAllText(Path.Combine(_scratch[output], "result.json")))!.AsObject();
        foreach (string name in new[] { "peak_memory_gib", "best", "final" })
        {
            result.Remove(name);
        }

        return Untimed(result.ToJsonString());
    }

    private static string Untimed(string json)
    {
        JsonObject line = JsonNode.Parse(json)!.AsObject();
        foreach (string name in Timings)
        {
            line.Remove(name);
        }

        return line.ToJsonString();
    }
}
