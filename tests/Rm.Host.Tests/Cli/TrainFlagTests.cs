using System.Text.Json;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Cli;

/// <summary>The flags of the training guide, each with its meaning.</summary>
public sealed class TrainFlagTests
{
    private static string Model => TestTokenizers.QuickstartFolder;

    [Fact]
    public void The_command_of_the_training_guide_runs_verbatim()
    {
        using var scratch = new ScratchFolder();
        string data = ShpFolder.Write(scratch);
        CommandResult result = Btrm.Succeed(
            "train", "--model", Model, "--hf-dataset", data, "--hf-split", "train", "--eval-split", "test", "--eval-limit", "10",
            "--limit", "20",
            "--batch-size", "4", "--micro-token-budget", "8192", "--max-seq-len", "1024", "--lora", "--lora-rank", "4", "--lora-alpha",
            "32",
            "--lora-target-modules", "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj", "--lr", "5e-5", "--weight-decay", "0.01",
            "--steps", "4",
            "--lr-scheduler", "cosine", "--warmup-steps", "2", "--label-smoothing", "0.05", "--score-regularization-lambda", "0.1",
            "--eval-every", "2",
            "--track-gpu", "--output-dir", scratch["out"]);
        JsonElement summary = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal("completed", summary.GetProperty("end").GetString());
        Assert.Equal(10, summary.GetProperty("eval_pairs").GetInt32());
        string[] groups = [.. summary.GetProperty("eval_groups").EnumerateArray().Select(g => g.GetProperty("by").GetString()!).Distinct()];
        Assert.Equal(["domain", "score_ratio", "length_gap"], groups);
        JsonElement run = JsonDocument.Parse(File.ReadAllBytes(scratch["out/run.json"])).RootElement;
        Assert.Equal(20, run.GetProperty("train_data").GetProperty("pairs_kept").GetInt32());
        Assert.Equal("4", run.GetProperty("settings").GetProperty("lora-rank").GetString());
        foreach (
            string file in new[] { "best/adapter_config.json", "final/adapter_model.safetensors", "checkpoints/step-4/trainer_state.json" })
        {
            Assert.True(File.Exists(scratch[$"out/{file}"]), file);
        }

        Assert.Equal(
            [0.0, 2.5e-5], LearningRates(scratch, "out", "--log-every", "1", "--warmup-steps", "2", "--lr", "5e-5", "--steps", "4")[..2]);
    }

    [Fact]
    public void Every_further_flag_is_accepted_together()
    {
        using var scratch = new ScratchFolder();
        Train(
            scratch, "out", "--lora", "--regularization-lambda", "0.01", "--beta", "0.9", "--early-stopping-patience", "3",
            "--early-stopping-min-delta",
            "0.001", "--rslora", "--lora-dropout", "0.05", "--lora-modules-to-save", "norm,score", "--warmup-ratio", "0.1",
            "--max-grad-norm", "0.5",
            "--save-every", "2", "--log-every", "1", "--log-samples", "3", "--seed", "7", "--no-chat-template", "--system-prompt",
            "Be brief.",
            "--differential-lr", "--backbone-lr-mult", "0.1", "--head-only-weight-decay");
        Assert.True(Directory.Exists(scratch["out/checkpoints/step-2"]));
        Assert.Equal(4, IdRows.Read(scratch["out/metrics.jsonl"]).Count(l => l.TryGetProperty("loss", out _)));
        Assert.Equal(3 * 3, IdRows.Read(scratch["out/samples.jsonl"]).Length);
        JsonElement adapter = JsonDocument.Parse(File.ReadAllBytes(scratch["out/final/adapter_config.json"])).RootElement;
        Assert.True(adapter.GetProperty("use_rslora").GetBoolean());
        Assert.Equal(0.05, adapter.GetProperty("lora_dropout").GetDouble());
        Assert.Equal("SEQ_CLS", adapter.GetProperty("task_type").GetString());
    }

    [Fact]
    public void A_factor_without_the_flag_that_it_belongs_to_is_an_error()
    {
        using var scratch = new ScratchFolder();
        Btrm.Fail(
            2, ["train", "--model", Model, "--train-file", "none.jsonl", "--lora", "--backbone-lr-mult", "0.1", "--output-dir",
                scratch["out"]],
            "--backbone-lr-mult", "--differential-lr");
    }

    [Fact]
    public void Warmup_ratio_is_a_share_of_the_steps_and_schedules_have_their_shapes()
    {
        using var scratch = new ScratchFolder();
        string[] common = ["--steps", "10", "--log-every", "1", "--lr", "1"];
        Assert.Equal([0, 0.5, 1, 1, 1],
            LearningRates(scratch, "a", [.. common, "--warmup-ratio", "0.2", "--lr-scheduler", "constant_with_warmup"])[..5]);
        double[] linear = LearningRates(scratch, "b", [.. common, "--warmup-steps", "5", "--lr-scheduler", "linear"]);
        Assert.Equal([0, 0.2, 0.4, 0.6, 0.8, 1, 0.8, 0.6, 0.4, 0.2], linear.Select(v => Math.Round(v, 12)));
        double[] cosine = LearningRates(scratch, "c", [.. common, "--lr-scheduler", "cosine"]);
        Assert.Equal(Math.Round(0.5 * (1 + Math.Cos(Math.PI * 0.3)), 12), Math.Round(cosine[3], 12));
    }

    [Fact]
    public void Early_stopping_stops_after_its_patience()
    {
        using var scratch = new ScratchFolder();
        CommandResult result = Train(
            scratch, "out", "--lora", "--steps", "20", "--eval-every", "2", "--early-stopping-patience", "2", "--early-stopping-min-delta",
            "10",
            "--log-every", "5");
        JsonElement summary = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal("early_stopped", summary.GetProperty("end").GetString());

        // Nothing beats the first evaluation by 10: it is at step 2, and two more use up the patience.
        Assert.Equal(6, summary.GetProperty("step").GetInt32());
        Assert.Equal(2, summary.GetProperty("best_step").GetInt32());
        Assert.Equal(6, IdRows.Read(scratch["out/metrics.jsonl"]).Where(l => l.TryGetProperty("loss", out _))
            .Max(l => l.GetProperty("step").GetInt32()));
    }

    [Fact]
    public void Differential_rate_moves_the_backbone_less_and_head_only_decay_decays_the_head_only()
    {
        using var scratch = new ScratchFolder();
        string[] common = ["--steps", "1", "--lr", "1e-3", "--lr-scheduler", "constant", "--max-grad-norm", "0"];
        Train(scratch, "start", ["--lora", .. common[..2], "--lr", "0", .. common[4..]]);
        Train(scratch, "plain", ["--lora", .. common, "--weight-decay", "0"]);
        Train(scratch, "slow", ["--lora", .. common, "--weight-decay", "0", "--differential-lr", "--backbone-lr-mult", "0.25"]);
        Train(scratch, "decay", ["--lora", .. common, "--weight-decay", "5", "--head-only-weight-decay"]);
        Dictionary<string, float[]> start = Adapter(scratch["start"]), plain = Adapter(scratch["plain"]), slow = Adapter(scratch["slow"]);
        Dictionary<string, float[]> decay = Adapter(scratch["decay"]);
        foreach (string name in start.Keys)
        {
            // The first step of Adam has the size of the rate, whatever the gradient is.
            double factor = Distance(slow[name], start[name]) / Distance(plain[name], start[name]);
            bool isHead = name.EndsWith("score.weight", StringComparison.Ordinal);
            if (Distance(plain[name], start[name]) > 0)
            {
                Assert.Equal(isHead ? 1 : 0.25, factor, 1e-3);
            }

            if (isHead)
            {
                float[] expected = [.. start[name].Zip(plain[name], (s, p) => s * (1 - 5e-3f) + (p - s))];
                Assert.True(Distance(decay[name], expected) < 1e-5 * Norm(expected), name);
            }
            else
            {
                Assert.Equal(plain[name], decay[name]);
            }
        }
    }

    [Fact]
    public void Modules_to_save_are_trained_and_saved_and_scored_with()
    {
        using var scratch = new ScratchFolder();
        string data = ShpFolder.Write(scratch);
        Train(scratch, "out", "--lora", "--lr", "1e-2", "--lora-modules-to-save", "norm,input_layernorm");
        Dictionary<string, float[]> adapter = Adapter(scratch["out"]);
        string[] norms = [.. adapter.Keys.Where(k => k.Contains("norm", StringComparison.Ordinal))];
        Assert.Contains("base_model.model.model.norm.weight", norms);
        Assert.Contains(norms, n => n.Contains("layers.0.input_layernorm", StringComparison.Ordinal));
        using var model = SafetensorsFile.Open(Path.Combine(Model, "model.safetensors"));
        float[] before = new float[adapter["base_model.model.model.norm.weight"].Length];
        model.ReadFloat32("model.norm.weight", before);
        Assert.NotEqual(before, adapter["base_model.model.model.norm.weight"]);

        JsonElement eval = JsonDocument.Parse(Btrm.Succeed(
            "eval", "--model", Model, "--adapter", scratch["out/final"], "--hf-dataset", data, "--eval-split", "test", "--eval-limit", "4")
                .Output).RootElement;
        JsonElement last = IdRows.Read(scratch["out/metrics.jsonl"]).Last(l => l.TryGetProperty("eval_loss", out _));
        Assert.Equal(last.GetProperty("eval_margin").GetRawText(), eval.GetProperty("eval_margin").GetRawText());
    }

    [Fact]
    public void Text_flags_change_what_is_read()
    {
        using var scratch = new ScratchFolder();
        Train(scratch, "template", "--lora");
        Train(scratch, "plain", "--lora", "--no-chat-template");
        Train(scratch, "system", "--lora", "--system-prompt", "@Be brief.");
        long template = Tokens(scratch, "template"), plain = Tokens(scratch, "plain"), system = Tokens(scratch, "system");
        Assert.True(plain < template && template < system, $"{plain} {template} {system}");
        JsonElement artifact = JsonDocument.Parse(File.ReadAllBytes(scratch["system/final/btrm.json"])).RootElement;
        Assert.Equal("@Be brief.", artifact.GetProperty("system_prompt").GetString());
    }

    [Fact]
    public void The_seed_decides_and_the_same_command_gives_the_same_bits()
    {
        using var scratch = new ScratchFolder();
        string[] options = ["--lora", "--lora-dropout", "0.1", "--seed", "5"];
        Train(scratch, "a", options);
        Train(scratch, "b", options);
        Train(scratch, "c", [.. options[..^1], "6"]);
        byte[] Weights(string name) => File.ReadAllBytes(scratch[$"{name}/final/adapter_model.safetensors"]);
        Assert.Equal(Weights("a"), Weights("b"));
        Assert.NotEqual(Weights("a"), Weights("c"));
    }

    private static CommandResult Train(ScratchFolder scratch, string output, params string[] options)
    {
        string data = Directory.Exists(scratch["shp"]) ? scratch["shp"] : ShpFolder.Write(scratch);
        string[] defaults = options.Contains("--steps") ? [] : ["--steps", "4"];
        string[] evaluation = options.Contains("--eval-every") ? [] : ["--eval-every", "2", "--eval-on-start"];
        return Btrm.Succeed(
        [
            "train", "--model", Model, "--hf-dataset", data, "--eval-split", "test", "--eval-limit", "4", "--batch-size", "2",
            "--output-dir",
            scratch[output], .. defaults, .. evaluation, .. options,
        ]);
    }

    private static double[] LearningRates(ScratchFolder scratch, string output, params string[] options)
    {
        Train(scratch, "rates-" + output, ["--lora", .. options]);
        return [.. IdRows.Read(scratch[$"rates-{output}/metrics.jsonl"]).Where(l => l.TryGetProperty("learning_rate", out _))
            .Select(l => l.GetProperty("learning_rate").GetDouble())];
    }

    private static long Tokens(ScratchFolder scratch, string output) =>
        JsonDocument.Parse(File.ReadAllBytes(scratch[$"{output}/result.json"])).RootElement.GetProperty("num_tokens").GetInt64();

    private static Dictionary<string, float[]> Adapter(string output)
    {
        using var file = SafetensorsFile.Open(Path.Combine(output, "final", "adapter_model.safetensors"));
        var tensors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (string name in file.Tensors.Keys)
        {
            tensors[name] = new float[file.Tensor(name).ElementCount];
            file.ReadFloat32(name, tensors[name]);
        }

        return tensors;
    }

    private static double Norm(float[] a) => Math.Sqrt(a.Sum(v => (double)v * v));

    private static double Distance(float[] a, float[] b) => Norm([.. a.Zip(b, (x, y) => x - y)]);
}
