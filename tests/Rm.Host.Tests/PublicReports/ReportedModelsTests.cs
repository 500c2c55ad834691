using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.PublicReports;

/// <summary>
/// What users of other trainers reported about rewards, heads and padding, made again on a small model. The number is that of the public
/// report.
/// </summary>
public sealed class ReportedModelsTests
{
    private static readonly string model = new GoldenCase("qwen2-tiny").ModelFolderPath;

    [Fact]
    public void MsSwift_9370_swapped_sides_give_the_opposite_accuracy_and_margin()
    {
        using var scratch = new ScratchFolder();
        JsonObject[] rows = [.. IdRows.RandomPairs(24, 256, 20, 5)];
        JsonElement straight = Evaluate(scratch, rows);
        JsonElement swapped = Evaluate(scratch, [.. rows.Select(row => new JsonObject
        {
            ["chosen_ids"] = row["rejected_ids"]!.DeepClone(),
            ["rejected_ids"] = row["chosen_ids"]!.DeepClone(),
        })]);
        Assert.Equal(0, straight.GetProperty("eval_ties").GetInt32());
        Assert.Equal(1, straight.GetProperty("eval_accuracy").GetDouble() + swapped.GetProperty("eval_accuracy").GetDouble(), 12);
        Assert.Equal(straight.GetProperty("eval_margin").GetDouble(), -swapped.GetProperty("eval_margin").GetDouble(), 12);
        Assert.NotEqual(0, straight.GetProperty("eval_margin").GetDouble());
    }

    [Theory]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("absent")]
    public void Transformers_35352_and_RewardBench_115_the_padding_token_decides_nothing(string pad)
    {
        // Token 7 stands within the text and at its end, as an EOS that is the padding token too does after every turn of a chat.
        using var scratch = new ScratchFolder();
        string rows = scratch.Write("rows.jsonl", """{"input_ids":[5,7,9,11,7]}""" + "\n" + """{"input_ids":[5,7,9]}""" + "\n");
        string folder = Copy(scratch, "padded", config =>
        {
            if (pad == "absent")
            {
                config.Remove("pad_token_id");
            }
            else
            {
                config["pad_token_id"] = JsonNode.Parse(pad);
            }
        });
        Assert.Equal(Rewards(scratch, rows, "--model", model), Rewards(scratch, rows, "--model", folder));
        Assert.Equal(Rewards(scratch, scratch.Write("one.jsonl", """{"input_ids":[5,7,9]}"""), "--model", folder)[0],
            Rewards(scratch, rows, "--model", folder)[1]);
    }

    [Fact]
    public void Peft_310_an_adapter_that_was_saved_without_its_head_is_not_scored_with_a_random_one()
    {
        using var scratch = new ScratchFolder();
        string rows = scratch.Write("rows.jsonl", IdRows.Random(6, 256, 20, 1));
        string headless = Copy(scratch, "headless", _ => { }, "score.weight");
        Btrm.Succeed(
            "train", "--model", headless, "--train-file", rows, "--lora", "--steps", "2", "--batch-size", "2", "--lr", "1e-2",
            "--output-dir", scratch["out"]);
        double[] trained = Rewards(scratch, rows, "--model", headless, "--adapter", scratch["out/final"]);

        // SentenceTransformers 3980: the head lies in the adapter alone, and it is the one that is used, whatever the base has.
        Assert.Equal(trained, Rewards(scratch, rows, "--model", model, "--adapter", scratch["out/final"]));

        string adapter = scratch["out/final/adapter_model.safetensors"];
        Rewrite(adapter, adapter, "base_model.model.score.weight");
        Btrm.Fail(
            2,
            [
                "score", "--model", headless, "--adapter", scratch["out/final"], "--input", rows, "--output", scratch["o.jsonl"],
                "--device", "cpu",
            ],
            "score.weight");
    }

    private static JsonElement Evaluate(ScratchFolder scratch, JsonObject[] rows) => JsonElement.Parse(Btrm.Succeed(
        "eval", "--model", model, "--eval-file", scratch.Write("eval.jsonl", IdRows.Lines(rows)), "--device", "cpu").Output);

    private static double[] Rewards(ScratchFolder scratch, string rows, params string[] options)
    {
        Btrm.Succeed(["score", "--input", rows, "--output", scratch["scores.jsonl"], "--device", "cpu", .. options]);
        return [.. IdRows.Read(scratch["scores.jsonl"]).SelectMany(row => new[] { "reward", "chosen_reward", "rejected_reward" }
            .Where(name => row.TryGetProperty(name, out _)).Select(name => row.GetProperty(name).GetDouble()))];
    }

    private static string Copy(ScratchFolder scratch, string name, Action<JsonObject> change, string? without = null)
    {
        Directory.CreateDirectory(scratch[name]);
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(model, "config.json")))!.AsObject();
        change(config);
        File.WriteAllText(Path.Combine(scratch[name], "config.json"), config.ToJsonString());
        Rewrite(Path.Combine(model, "model.safetensors"), Path.Combine(scratch[name], "model.safetensors"), without);
        return scratch[name];
    }

    private static void Rewrite(string from, string to, string? without)
    {
        using var buffer = new MemoryStream();
        using (var source = SafetensorsFile.Open(from))
        {
            SafetensorsWriter.Write(buffer, [.. source.Tensors.Where(tensor => tensor.Key != without).Select(tensor => new TensorToWrite(
                tensor.Key, SafetensorsDType.F32, [.. tensor.Value.Shape],
                (start, destination) => source.ReadFloat32(tensor.Key, destination, start)))]);
        }

        File.WriteAllBytes(to, buffer.ToArray());
    }
}
