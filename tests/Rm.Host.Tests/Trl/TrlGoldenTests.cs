using System.Globalization;
using System.Text.Json;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.EndToEnd;
using Rm.Kernels.Cpu;
using Rm.Training.Artifacts;
using Rm.Training.Loop;
using Rm.Training.Model;
using Rm.Training.RandomNumbers;

namespace Rm.Host.Tests.Trl;

/// <summary>Whole runs of TRL 1.16, and of transformers' trainer with TRL's loss and metrics, line by line.</summary>
public sealed class TrlGoldenTests
{
    private const string Adapter = "adapter_model.safetensors";

    [Fact]
    public void The_command_line_run_is_TRLs()
    {
        using var scratch = new ScratchFolder();
        string golden = TrlRun.Golden("cli"), output = scratch["out"];
        CommandResult result = TrlRun.Succeed(golden, output, "--lora_dropout", "0.0");
        string checkpoint = Path.Combine(output, "checkpoint-10");
        var expected = JsonElement.Parse(File.ReadAllBytes(Path.Combine(golden, "trainer_state.json")));
        TrlRun.AssertSame([.. expected.GetProperty("log_history").EnumerateArray()], TrlRun.History(checkpoint));
        TrlRun.AssertAsNear(
            Path.Combine(golden, "float64.json"), [.. expected.GetProperty("log_history").EnumerateArray()], TrlRun.History(checkpoint));
        AssertSameAdapter(Path.Combine(golden, Adapter), Path.Combine(output, Adapter));
        AssertSameAdapter(Path.Combine(output, Adapter), Path.Combine(checkpoint, Adapter), tolerance: 0);
        Assert.True(Directory.Exists(Path.Combine(output, "checkpoint-5")));
        Assert.True(File.Exists(Path.Combine(output, "tokenizer.json")) && File.Exists(Path.Combine(checkpoint, "tokenizer.json")));

        // The state but for what is not kept here: operations and callbacks.
        var state = JsonElement.Parse(File.ReadAllBytes(Path.Combine(checkpoint, "trainer_state.json")));
        foreach (JsonProperty property in expected.EnumerateObject()
            .Where(p => p.Name is not ("log_history" or "total_flos" or "stateful_callbacks")))
        {
            Assert.True(JsonElement.DeepEquals(property.Value, state.GetProperty(property.Name)),
                $"{property.Name}: {state.GetProperty(property.Name)}");
        }

        // The printed lines: the same names in the same order, the same four digits.
        JsonElement[] printed = TrlRun.Lines(File.ReadAllText(Path.Combine(golden, "printed.txt"))), lines = TrlRun.Lines(result.Output);
        Assert.Equal(printed.Select(InOrder), lines.Select(InOrder));
        Assert.All(printed.Zip(lines), pair => Assert.All(TrlRun.Names(pair.First), name => AssertDigits(pair.First, pair.Second, name)));
    }

    [Fact]
    public void The_run_from_Python_is_TRLs()
    {
        using var scratch = new ScratchFolder();
        string golden = TrlRun.Golden("python"), output = scratch["out"];
        scratch.Write("data/train.jsonl", File.ReadAllText(Path.Combine(golden, "train.jsonl")));
        scratch.Write("data/test.jsonl", File.ReadAllText(Path.Combine(golden, "eval.jsonl")));
        string config = scratch.Write("reward.yaml", """
            learning_rate: 1e-3
            num_train_epochs: 2
            per_device_train_batch_size: 4
            gradient_accumulation_steps: 2
            per_device_eval_batch_size: 10
            logging_steps: 1
            eval_strategy: epoch
            save_strategy: epoch
            use_peft: true
            lora_task_type: SEQ_CLS
            lora_r: 4
            lora_alpha: 16
            lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]
            bf16: false
            """);
        Btrm.Succeed(
            "trl", "reward", "--config", config, "--model-name-or-path", TrlRun.Model, "--dataset_name", scratch["data"],
            $"--output_dir={output}", "--device", "cpu");
        JsonElement[] expected =
            [.. JsonElement.Parse(File.ReadAllBytes(Path.Combine(golden, "expected.json"))).GetProperty("log_history").EnumerateArray()
                .Where(line => !line.TryGetProperty("train_loss", out _))];

        // That run was evaluated once more after its end.
        TrlRun.AssertSame(expected[..^1], TrlRun.History(Path.Combine(output, "checkpoint-12")));
        TrlRun.AssertAsNear(Path.Combine(golden, "float64.json"), expected[..^1], TrlRun.History(Path.Combine(output, "checkpoint-12")));
        AssertSameAdapter(Path.Combine(golden, "final-adapter", Adapter), Path.Combine(output, Adapter));
    }

    [Theory]
    [InlineData("full-margins", 4)]
    [InlineData("lora-uneven", 3)]
    [InlineData("pattern-drop-last", 5)]
    [InlineData("stable-decay", 6)]
    [InlineData("epoch-lines", 7)]
    public void A_case_of_transformers_trainer_gives_the_same_lines(string name, int steps)
    {
        using var scratch = new ScratchFolder();
        string golden = TrlRun.Golden("cases", name), output = scratch["out"];
        CommandResult result = TrlRun.Succeed(golden, output, "--save_strategy", "steps", "--save_steps", "1");
        var expected = JsonElement.Parse(File.ReadAllBytes(Path.Combine(golden, "expected.json")));
        JsonElement[] lines = [.. expected.GetProperty("log_history").EnumerateArray()];
        Assert.Equal(steps, expected.GetProperty("max_steps").GetInt32());
        TrlRun.AssertSame(lines[..^1], TrlRun.History(Path.Combine(output, $"checkpoint-{steps}")));
        JsonElement last = TrlRun.Lines(result.Output)[^1];
        Assert.Equal(TrlRun.Names(lines[^1]).Where(n => n != "step"), TrlRun.Names(last));

        // Four digits are printed.
        double loss = lines[^1].GetProperty("train_loss").GetDouble(), unit = Math.Pow(10, Math.Floor(Math.Log10(loss)) - 3);
        Assert.Equal(loss, double.Parse(last.GetProperty("train_loss").GetString()!, CultureInfo.InvariantCulture), 0.51 * unit);

        string weights = Path.Combine(output, File.Exists(Path.Combine(output, Adapter)) ? Adapter : "model.safetensors");
        AssertSums(expected.GetProperty("end"), parameter =>
            TrlRun.Tensor(weights, weights.EndsWith(Adapter, StringComparison.Ordinal) ? $"base_model.model.{parameter}" : parameter));
    }

    [Fact]
    public void Head_and_factors_of_the_start_are_those_of_transformers_and_PEFT_to_the_bit()
    {
        string start = TrlRun.Golden("python", "init-adapter");
        var source = ModelSource.Open(TrlRun.Model);
        using var backend = new CpuBackend(1);
        using RewardModel model = source.Load(backend, LoraScope.Of(start, source.Config, out _), training: true);
        ModelStart.Initialize(model, null, seed: 42, RandomSource.Torch);
        int tensors = 0;
        foreach (Parameter parameter in model.Parameters.All)
        {
            float[] expected = TrlRun.Tensor(Path.Combine(start, Adapter), $"base_model.model.{parameter.Name}");
            float[] actual = model.Parameters.Read(model.Parameters.Values, parameter);
            Assert.Equal(expected, actual);
            tensors++;
        }

        Assert.Equal((42 * 2) + 1, tensors);
    }

    [Fact]
    public void Our_own_command_starts_and_orders_the_same_way_when_asked()
    {
        using var scratch = new ScratchFolder();
        string[] words =
        [
            "train", "--model", TrlRun.Model, "--train-file", TrlRun.Golden("python", "train.jsonl"), "--no-chat-template", "--lora",
            "--lora-rank", "4", "--lora-alpha", "16",
            "--batch-size", "8", "--steps", "2", "--lr", "1e-3", "--lr-scheduler", "constant", "--weight-decay", "0", "--max-seq-len",
            "1024", "--truncation", "drop", "--log-every", "1", "--device", "cpu",
        ];
        Btrm.Succeed([.. words, "--output-dir", scratch["torch"], "--rng", "torch"]);
        Btrm.Succeed([.. words, "--output-dir", scratch["own"]]);

        // The first step's figures are those of TRL's run, which had the same eight pairs before any update.
        JsonElement first = JsonElement.Parse(File.ReadAllBytes(TrlRun.Golden("python", "expected.json"))).GetProperty("log_history")[0];
        Assert.Equal(first.GetProperty("loss").GetDouble(), Loss("torch"), 1e-6);
        Assert.NotEqual(first.GetProperty("loss").GetDouble(), Loss("own"), 1e-3);
        Btrm.Fail(2, [.. words, "--output-dir", scratch["x"], "--rng", "numpy"], "--rng", "numpy", "torch");

        double Loss(string run) =>
            JsonElement.Parse(File.ReadLines(scratch[$"{run}/metrics.jsonl"]).First()).GetProperty("loss").GetDouble();
    }

    private static string InOrder(JsonElement line) => string.Join(' ', line.EnumerateObject().Select(p => p.Name));

    private static void AssertDigits(JsonElement expected, JsonElement actual, string name)
    {
        double wanted = double.Parse(expected.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);
        double given = double.Parse(actual.GetProperty(name).GetString()!, CultureInfo.InvariantCulture);
        Assert.True(Math.Abs(wanted - given) <= 1.001e-3 * Math.Abs(wanted), $"{name}: {given} instead of {wanted}");
    }

    private static void AssertSameAdapter(string expected, string actual, double tolerance = 1e-5)
    {
        using SafetensorsFile file = SafetensorsFile.Open(expected), other = SafetensorsFile.Open(actual);
        Assert.Equal(file.Tensors.Keys.Order(), other.Tensors.Keys.Order());
        foreach (string name in file.Tensors.Keys)
        {
            Assert.All(
                TrlRun.Tensor(expected, name).Zip(TrlRun.Tensor(actual, name)), pair => Assert.Equal(pair.First, pair.Second, tolerance));
        }
    }

    // For every trained tensor: elements, sum, sum of squares, first four values.
    private static void AssertSums(JsonElement expected, Func<string, float[]> tensor)
    {
        int tensors = 0;
        foreach (JsonProperty parameter in expected.EnumerateObject())
        {
            float[] values = tensor(parameter.Name);
            double count = parameter.Value[0].GetDouble(), norm = Math.Sqrt(parameter.Value[2].GetDouble());
            Assert.Equal(count, values.Length);
            Assert.Equal(parameter.Value[1].GetDouble(), values.Sum(v => (double)v), 1e-5 * Math.Sqrt(count));
            Assert.Equal(norm, Math.Sqrt(values.Sum(v => (double)v * v)), 1e-5 * Math.Max(1, norm));
            Assert.All(parameter.Value[3].EnumerateArray().Zip(values), pair => Assert.Equal(pair.First.GetDouble(), pair.Second, 1e-5));
            tensors++;
        }

        Assert.True(tensors > 30, $"{tensors} tensors");
    }
}
