using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>Train, save, score, merge, score again, go on from what was saved: one model all the way.</summary>
public sealed partial class AdapterRoundTripTests
{
    [Theory]
    [InlineData("qwen2-tiny")]
    [InlineData("llama-tiny")]
    [InlineData("qwen3-tiny")]
    [InlineData("qwen2-hd64-attn")]
    public void A_merged_model_gives_the_rewards_of_its_adapter(string name)
    {
        using var scratch = new ScratchFolder();
        string model = new GoldenCase(name).ModelFolderPath;
        string rows = Train(scratch, model, "out", "--lora", "--lora-rank", "3", "--lora-modules-to-save", "norm,input_layernorm");
        double[] adapter = Score(scratch, rows, "--model", model, "--adapter", scratch["out/final"]);

        // The adapter names its base model, so that --adapter alone is enough.
        Assert.Equal(adapter, Score(scratch, rows, "--adapter", scratch["out/final"]));

        string output = Btrm.Succeed(
            "merge", "--adapter", scratch["out/final"], "--model", model, "--output-dir", scratch["merged"], "--dtype", "float32").Output;
        Assert.InRange(double.Parse(Change().Match(output).Groups[1].Value, CultureInfo.InvariantCulture), 0, 1e-4);
        double[] merged = Score(scratch, rows, "--model", scratch["merged"]);
        Assert.All(adapter.Zip(merged), p => Assert.True(Math.Abs(p.First - p.Second) < 1e-4 * Math.Max(1, Math.Abs(p.First)), $"{p}"));

        // The base is float32; bfloat16 keeps 8 bits of every weight.
        Btrm.Succeed("merge", "--adapter", scratch["out/final"], "--model", model, "--output-dir", scratch["low"], "--dtype", "bfloat16");
        using var low = SafetensorsFile.Open(scratch["low/model.safetensors"]);
        Assert.All(low.Tensors.Values, t => Assert.Equal(SafetensorsDType.BF16, t.DType));
        double[] rounded = Score(scratch, rows, "--model", scratch["low"]);
        Assert.All(adapter.Zip(rounded), p => Assert.True(Math.Abs(p.First - p.Second) < 0.2 * Math.Max(1, Math.Abs(p.First)), $"{p}"));
        Btrm.Fail(2, ["merge", "--adapter", scratch["out/final"], "--model", model, "--output-dir", scratch["low"]], "is not empty");
    }

    [Fact]
    public void Training_goes_on_from_an_adapter()
    {
        using var scratch = new ScratchFolder();
        string model = new GoldenCase("qwen2-tiny").ModelFolderPath;
        string rows = Train(
            scratch, model, "first", "--lora", "--lora-rank", "3", "--lora-alpha", "12", "--rslora", "--lora-modules-to-save", "norm");
        double[] first = Score(scratch, rows, "--model", model, "--adapter", scratch["first/final"]);

        // At rate 0 nothing moves: what is saved again gives the same bits.
        Train(scratch, model, "still", "--init-adapter", scratch["first/final"], "--lr", "0");
        Assert.Equal(first, Score(scratch, rows, "--model", model, "--adapter", scratch["still/final"]));
        JsonElement config = JsonDocument.Parse(File.ReadAllBytes(scratch["still/final/adapter_config.json"])).RootElement;
        Assert.Equal(3, config.GetProperty("r").GetInt32());
        Assert.Equal(12, config.GetProperty("lora_alpha").GetDouble());
        Assert.True(config.GetProperty("use_rslora").GetBoolean());
        Assert.Contains("norm", config.GetProperty("modules_to_save").EnumerateArray().Select(m => m.GetString()));

        double before = FirstLoss(scratch, "first"), after = FirstLoss(scratch, "still");
        Assert.NotEqual(before, after);
    }

    [Fact]
    public void A_fully_trained_folder_is_a_model_and_its_head_is_used()
    {
        using var scratch = new ScratchFolder();
        string model = new GoldenCase("llama-tiny").ModelFolderPath;
        string rows = Train(scratch, model, "full");
        double[] full = Score(scratch, rows, "--model", scratch["full/final"]);
        JsonElement config = JsonDocument.Parse(File.ReadAllBytes(scratch["full/final/config.json"])).RootElement;
        Assert.Equal("LlamaForSequenceClassification", config.GetProperty("architectures")[0].GetString());
        CommandResult result = Btrm.Succeed(
            "train", "--model", scratch["full/final"], "--train-file", rows, "--lr", "0", "--steps", "1", "--batch-size", "2",
            "--output-dir", scratch["again"]);
        Assert.DoesNotContain("a new one is initialised", result.Error, StringComparison.Ordinal);
        Assert.Equal(full, Score(scratch, rows, "--model", scratch["again/final"]));
    }

    [Fact]
    public void A_model_without_a_head_is_not_scored_with()
    {
        using var scratch = new ScratchFolder();
        string model = new GoldenCase("qwen2-tiny").ModelFolderPath;
        string headless = CopyWithoutHead(scratch, model);
        string rows = scratch.Write("rows.jsonl", IdRows.Random(4, 256, 20, 1));
        Btrm.Fail(2, ["score", "--model", headless, "--input", rows, "--output", scratch["o.jsonl"]], "holds no reward head");
        CommandResult result = Btrm.Succeed(
            "train", "--model", headless, "--train-file", rows, "--lora", "--steps", "1", "--batch-size", "2", "--output-dir",
            scratch["out"]);
        Assert.Contains("a new one is initialised", result.Error, StringComparison.Ordinal);
        Score(scratch, rows, "--model", headless, "--adapter", scratch["out/final"]);
    }

    private static string Train(ScratchFolder scratch, string model, string output, params string[] options)
    {
        string rows = scratch.Write("rows.jsonl", IdRows.Random(12, 250, 40, 6));
        string[] rate = options.Contains("--lr") ? [] : ["--lr", "5e-3"];
        Btrm.Succeed(
        [
            "train", "--model", model, "--train-file", rows, "--steps", "5", "--batch-size", "4", "--log-every", "1", "--order",
            "sequential",
            "--output-dir", scratch[output], .. rate, .. options,
        ]);
        return rows;
    }

    private static double[] Score(ScratchFolder scratch, string rows, params string[] options)
    {
        Btrm.Succeed(["score", "--input", rows, "--output", scratch["scores.jsonl"], .. options]);
        return [.. IdRows.Read(scratch["scores.jsonl"])
            .SelectMany(r => new[] { r.GetProperty("chosen_reward").GetDouble(), r.GetProperty("rejected_reward").GetDouble() })];
    }

    private static double FirstLoss(ScratchFolder scratch, string output) =>
        IdRows.Read(scratch[$"{output}/metrics.jsonl"])[0].GetProperty("loss").GetDouble();

    private static string CopyWithoutHead(ScratchFolder scratch, string model)
    {
        Directory.CreateDirectory(scratch["headless"]);
        File.Copy(Path.Combine(model, "config.json"), scratch["headless/config.json"]);
        using var source = SafetensorsFile.Open(Path.Combine(model, "model.safetensors"));
        TensorToWrite[] tensors = [.. source.Tensors.Where(t => t.Key != "score.weight").Select(t => new TensorToWrite(
            t.Key, SafetensorsDType.F32, [.. t.Value.Shape], (start, destination) => source.ReadFloat32(t.Key, destination, start)))];
        using FileStream stream = File.Create(scratch["headless/model.safetensors"]);
        SafetensorsWriter.Write(stream, tensors);
        return scratch["headless"];
    }

    [GeneratedRegex("largest reward change: ([0-9.E+-]+) ")]
    private static partial Regex Change();
}
