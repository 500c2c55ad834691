using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// A real pretrained model, SmolLM2-135M-Instruct, against what transformers and PEFT gave: run where <c>BTRM_SMOLLM2</c> names its folder,
/// <c>BTRM_SMOLLM2_GOLDEN</c> the folder of expected values (rewards.json, train.json, score.safetensors, init-adapter) and
/// <c>BTRM_QUICKSTART</c> the one with train.jsonl and eval.jsonl. The long run (hf-run.json) takes a quarter of an hour on two cores and
/// wants <c>BTRM_SMOLLM2_LONG</c> as well.
/// </summary>
public sealed class RealModelTests
{
    private const string HowTo =
        "no model is given: set BTRM_SMOLLM2=(folder of SmolLM2-135M-Instruct), BTRM_SMOLLM2_GOLDEN=(folder of its expected values) and "
            + "BTRM_QUICKSTART=examples/quickstart";

    private static readonly string? Model = Environment.GetEnvironmentVariable("BTRM_SMOLLM2");
    private static readonly string Golden = Environment.GetEnvironmentVariable("BTRM_SMOLLM2_GOLDEN") ?? "";
    private static readonly string Rows = Environment.GetEnvironmentVariable("BTRM_QUICKSTART") ?? "";

    [Fact]
    public void Twenty_steps_are_those_of_transformers()
    {
        Assert.SkipUnless(Model is { Length: > 0 } && Golden.Length > 0 && Rows.Length > 0, HowTo);
        JsonElement expected = Read("train.json");
        using var scratch = new ScratchFolder();
        string train = scratch.Write("train.jsonl", Selected("train.jsonl", expected.GetProperty("train_rows")));
        string eval = scratch.Write("eval.jsonl", Selected("eval.jsonl", expected.GetProperty("eval_rows")));
        string output = scratch["out"];
        Btrm.Succeed(
            "train", "--model", Model!, "--train-file", train, "--eval-file", eval, "--output-dir", output, "--init-adapter",
            Path.Combine(Golden, "init-adapter"), "--order", "sequential",
            "--batch-size", "4", "--steps", "20", "--lr", "2e-4", "--lr-scheduler", "cosine", "--warmup-steps", "2", "--weight-decay",
            "0.01", "--max-seq-len", "0", "--log-every", "1", "--device", "cpu");
        JsonElement[] steps = [.. File.ReadLines(Path.Combine(output, "metrics.jsonl")).Select(line => JsonElement.Parse(line))
            .Where(line => line.TryGetProperty("loss", out _))];
        JsonElement[] log = [.. expected.GetProperty("log").EnumerateArray()];
        Assert.Equal(log.Length, steps.Length);
        Assert.All(log.Zip(steps), pair =>
        {
            Close(pair.First.GetProperty("loss").GetDouble(), pair.Second.GetProperty("loss").GetDouble(), 2e-5);
            Close(pair.First.GetProperty("grad_norm").GetDouble(), pair.Second.GetProperty("grad_norm").GetDouble(), 1e-4);
            Assert.Equal(pair.First.GetProperty("learning_rate").GetDouble(), pair.Second.GetProperty("learning_rate").GetDouble());
            double[] rewards = [.. pair.First.GetProperty("rewards").EnumerateArray().SelectMany(two => two.EnumerateArray())
                .Select(reward => reward.GetDouble())];
            Close(rewards.Min(), pair.Second.GetProperty("min_reward").GetDouble(), 1e-4);
            Close(rewards.Average(), pair.Second.GetProperty("mean_reward").GetDouble(), 1e-4);
            Close(rewards.Max(), pair.Second.GetProperty("max_reward").GetDouble(), 1e-4);
        });

        JsonElement[] rows = [.. File.ReadLines(Path.Combine(output, "eval-rows", "last.jsonl")).Select(line => JsonElement.Parse(line))];
        Assert.All(expected.GetProperty("eval").EnumerateArray().Zip(rows), pair =>
        {
            Close(pair.First[0].GetDouble(), pair.Second.GetProperty("chosen_reward").GetDouble(), 1e-4);
            Close(pair.First[1].GetDouble(), pair.Second.GetProperty("rejected_reward").GetDouble(), 1e-4);
        });
    }

    [Fact]
    public void An_epoch_with_the_guides_losses_is_that_of_transformers()
    {
        Assert.SkipUnless(Model is { Length: > 0 } && Golden.Length > 0 && Rows.Length > 0, HowTo);
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("BTRM_SMOLLM2_LONG") is { Length: > 0 }, "a long run: set BTRM_SMOLLM2_LONG=1 as well");
        JsonElement expected = Read("hf-run.json"), settings = expected.GetProperty("settings");
        using var scratch = new ScratchFolder();
        string train = scratch.Write("train.jsonl", Selected("train.jsonl", settings.GetProperty("train_rows"))), output = scratch["out"];
        Btrm.Succeed(
            "train", "--model", Model!, "--train-file", train, "--eval-file", Path.Combine(Rows, "eval.jsonl"), "--output-dir", output,
            "--init-adapter", Path.Combine(Golden, "hf-run-init-adapter"),
            "--order", "sequential", "--batch-size", "8", "--steps", "46", "--lr", "2e-4", "--lr-scheduler", "cosine", "--warmup-steps",
            "2", "--weight-decay", "0.01", "--label-smoothing", "0.05",
            "--score-regularization-lambda", "0.1", "--max-seq-len", "0", "--eval-every", "0", "--log-every", "1", "--device", "cpu");
        JsonElement[] steps = [.. File.ReadLines(Path.Combine(output, "metrics.jsonl")).Select(line => JsonElement.Parse(line))
            .Where(line => line.TryGetProperty("loss", out _))];
        JsonElement[] log = [.. expected.GetProperty("log").EnumerateArray()];
        Assert.Equal(log.Length, steps.Length);
        Assert.All(log.Zip(steps), pair =>
        {
            Close(pair.First.GetProperty("loss").GetDouble(), pair.Second.GetProperty("loss").GetDouble(), 1e-4);
            Close(pair.First.GetProperty("grad_norm").GetDouble(), pair.Second.GetProperty("grad_norm").GetDouble(), 1e-3);
            Assert.Equal(pair.First.GetProperty("learning_rate").GetDouble(), pair.Second.GetProperty("learning_rate").GetDouble());
            Assert.Equal(pair.First.GetProperty("accuracy").GetDouble(), pair.Second.GetProperty("accuracy").GetDouble());
        });

        // The accuracy within its interval follows from rewards that are the same.
        JsonElement[] rows = [.. File.ReadLines(Path.Combine(output, "eval-rows", "last.jsonl")).Select(line => JsonElement.Parse(line))];
        JsonElement[] rewards = [.. expected.GetProperty("eval_after").EnumerateArray()], after = [expected.GetProperty("after")];
        Assert.Equal(rewards.Length, rows.Length);
        Assert.All(rewards.Zip(rows), pair =>
        {
            Close(pair.First[0].GetDouble(), pair.Second.GetProperty("chosen_reward").GetDouble(), 1e-3);
            Close(pair.First[1].GetDouble(), pair.Second.GetProperty("rejected_reward").GetDouble(), 1e-3);
        });
        double accuracy =
            rows.Average(row => row.GetProperty("chosen_reward").GetDouble() > row.GetProperty("rejected_reward").GetDouble() ? 1.0 : 0);
        Assert.InRange(accuracy, after[0].GetProperty("low").GetDouble(), after[0].GetProperty("high").GetDouble());
    }

    [Fact]
    public void Rewards_of_texts_are_those_of_transformers()
    {
        Assert.SkipUnless(Model is { Length: > 0 } && Golden.Length > 0 && Rows.Length > 0, HowTo);
        using var scratch = new ScratchFolder();

        // The model with the head of the expected values: an adapter that changes nothing but the head.
        JsonElement[] texts = [.. Read("rewards.json").GetProperty("rows").EnumerateArray()];
        string ids = scratch.Write("ids.jsonl", string.Concat(texts.Select(
            text => new JsonObject { ["input_ids"] = JsonNode.Parse(text.GetProperty("ids").GetRawText()) }.ToJsonString() + "\n")));
        string conversations = scratch.Write(
            "texts.jsonl", string.Concat(texts.Select(
                text => new JsonObject { ["messages"] = Messages(text.GetProperty("conversation").GetString()!) }.ToJsonString() + "\n")));
        string model = scratch["model"];
        Directory.CreateDirectory(model);
        foreach (string file in Directory.GetFiles(Model!))
        {
            File.CreateSymbolicLink(Path.Combine(model, Path.GetFileName(file)), file);
        }

        // A second file with the head, and an index over both.
        File.Delete(Path.Combine(model, "model.safetensors"));
        File.CreateSymbolicLink(Path.Combine(model, "model-00001-of-00002.safetensors"), Path.Combine(Model!, "model.safetensors"));
        File.CreateSymbolicLink(Path.Combine(model, "model-00002-of-00002.safetensors"), Path.Combine(Golden, "score.safetensors"));
        using (var weights =
            Rm.Formats.Safetensors.SafetensorsFile.Open(Path.Combine(Model!, "model.safetensors")))
        {
            var map = new JsonObject { ["score.weight"] = "model-00002-of-00002.safetensors" };
            foreach (string name in weights.Tensors.Keys)
            {
                map[name] = "model-00001-of-00002.safetensors";
            }

            File.WriteAllText(Path.Combine(model, "model.safetensors.index.json"),
                new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
        }

        foreach (string rows in new[] { ids, conversations })
        {
            string scored = scratch[Path.GetFileName(rows) + ".scored"];
            Btrm.Succeed("score", "--model", model, "--input", rows, "--output", scored, "--device", "cpu", "--max-seq-len", "0");
            double[] rewards = [.. File.ReadLines(scored).Select(line => JsonElement.Parse(line).GetProperty("reward").GetDouble())];
            Assert.Equal(texts.Length, rewards.Length);
            Assert.All(texts.Zip(rewards), pair => Assert.Equal(pair.First.GetProperty("reward_float32").GetDouble(), pair.Second, 1e-4));
        }
    }

    private static JsonArray Messages(string transcript)
    {
        string[] parts = Regex.Split(transcript, @"\n\n(Human|Assistant): ?", RegexOptions.CultureInvariant);
        return [.. Enumerable.Range(0, parts.Length / 2).Select(i => (
            JsonNode)new JsonObject { ["role"] = parts[(2 * i) + 1] == "Human" ? "user" : "assistant", ["content"] = parts[(2 * i) + 2] })];
    }

    private static JsonElement Read(string name) => JsonElement.Parse(File.ReadAllBytes(Path.Combine(Golden, name)));

    private static string Selected(string file, JsonElement positions)
    {
        string[] lines = File.ReadAllLines(Path.Combine(Rows, file));
        return string.Concat(positions.EnumerateArray().Select(position => lines[position.GetInt32()] + "\n"));
    }

    private static void Close(double expected, double actual, double tolerance) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance * Math.Max(1, Math.Abs(expected)), $"{actual} instead of {expected}");
}
