using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.Experiments;

/// <summary>A sweep over a golden model of a few thousand weights: a run takes well under a second of computing.</summary>
internal sealed class SmallSweep
{
    private readonly ScratchFolder _scratch;
    private readonly JsonObject _base;

    public SmallSweep(ScratchFolder scratch, int steps = 6)
    {
        _scratch = scratch;
        _base = new JsonObject
        {
            ["model"] = new GoldenCase("qwen2-tiny").ModelFolderPath,
            ["train-file"] = scratch.Write("train.jsonl", IdRows.Random(30, vocabulary: 512, maxLength: 40, seed: 1)),
            ["eval-file"] = scratch.Write("eval.jsonl", IdRows.Random(12, vocabulary: 512, maxLength: 40, seed: 2)),
            ["lora"] = true,
            ["steps"] = steps,
            ["batch-size"] = 4,
            ["eval-every"] = 2,
            ["save-every"] = 2,
            ["log-every"] = 1,
            ["device"] = "cpu",
        };
    }

    public string Out => _scratch["out"];

    /// <summary>Writes the file with a base, and a matrix or runs, as JSON.</summary>
    public string Write(string content, bool withoutDevice = false)
    {
        JsonObject settings = _base.DeepClone().AsObject();
        if (withoutDevice)
        {
            settings.Remove("device");
        }

        return _scratch.Write("sweep.json", $$"""{"base": {{settings.ToJsonString()}}, {{content}}}""");
    }

    public string[] Command(string file, params string[] further) => ["sweep", file, "--output-dir", Out, .. further];

    public JsonElement[] Results => IdRows.Read(Path.Combine(Out, "results.jsonl"));

    /// <summary>Names and statuses, in order.</summary>
    public string Statuses =>
        string.Join(' ', Results.Select(r => $"{r.GetProperty("name").GetString()}:{r.GetProperty("status").GetString()}"));

    public string Log(string run) => File.ReadAllText(Path.Combine(Out, run, "log.txt"));
}
