using System.Text.Json;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Trl;

/// <summary>
/// Checkpoints, resuming, mixtures and what else a user of TRL's command meets; on a small case with one checkpoint a step.
/// </summary>
public sealed class TrlRewardCommandTests
{
    private static readonly string Case = TrlRun.Golden("cases", "full-margins");
    private static readonly string[] Small = ["--use_peft", "--lora_r", "2", "--save_strategy", "steps", "--save_steps", "1"];

    [Fact]
    public void A_resumed_run_prints_the_lines_of_one_that_was_not_stopped()
    {
        using var scratch = new ScratchFolder();
        string whole = scratch["whole"], parts = scratch["parts"];
        TrlRun.Succeed(Case, whole, Small);

        // The run as it stood after two steps: what came later is gone.
        TrlRun.Succeed(Case, parts, Small);
        Directory.Delete(Path.Combine(parts, "checkpoint-4"), recursive: true);
        Directory.Delete(Path.Combine(parts, "checkpoint-3"), recursive: true);
        CommandResult resumed = TrlRun.Succeed(Case, parts, [.. Small, "--resume_from_checkpoint", "true"]);
        Assert.Contains("checkpoint-2 (step 2)", resumed.Error, StringComparison.Ordinal);
        Assert.Equal(Untimed(Path.Combine(whole, "checkpoint-4")), Untimed(Path.Combine(parts, "checkpoint-4")));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(parts, "adapter_model.safetensors")));
        Assert.Equal(4, TrlRun.Lines(resumed.Output).Length);

        Btrm.Fail(2, TrlRun.Words(Case, parts, [.. Small, "--resume_from_checkpoint", "true", "--learning_rate", "1e-5"]),
            "--learning_rate: was 0.0002, is 1e-5");
        Btrm.Fail(2, TrlRun.Words(Case, parts, [.. Small, "--resume_from_checkpoint", scratch["nowhere"]]), "--resume_from_checkpoint",
            "no such folder");
        Btrm.Fail(2, TrlRun.Words(Case, scratch["new"], [.. Small, "--resume_from_checkpoint", "true"]), "holds no checkpoint");
    }

    [Fact]
    public void An_earlier_run_is_moved_aside_and_nothing_of_it_is_lost()
    {
        using var scratch = new ScratchFolder();
        string output = scratch["out"];
        TrlRun.Succeed(Case, output, Small);
        byte[] adapter = File.ReadAllBytes(Path.Combine(output, "adapter_model.safetensors"));
        CommandResult again = TrlRun.Succeed(Case, output, [.. Small, "--seed", "8", "--max_steps", "1"]);
        Assert.Contains("earlier-1", again.Error, StringComparison.Ordinal);
        Assert.Equal(adapter, File.ReadAllBytes(Path.Combine(output, "earlier-1", "adapter_model.safetensors")));
        Assert.True(
            Directory.Exists(Path.Combine(output, "earlier-1", "checkpoint-4")) && !Directory.Exists(Path.Combine(output, "checkpoint-4")));

        // A mistake costs nothing.
        Btrm.Fail(2, TrlRun.Words(Case, output, [.. Small, "--dataset_name", scratch["nothing"]]), "no such file or folder");
        Assert.True(File.Exists(Path.Combine(output, "adapter_model.safetensors")));
    }

    [Fact]
    public void The_best_model_is_kept_and_is_what_is_saved_at_the_end()
    {
        using var scratch = new ScratchFolder();
        string output = scratch["out"];
        TrlRun.Succeed(
            Case, output,
            [.. Small, "--eval_steps", "1", "--save_total_limit", "1", "--load_best_model_at_end", "--metric_for_best_model", "margin",
                "--greater_is_better", "False", "--learning_rate", "1e-3"]);
        JsonElement[] history = TrlRun.History(Path.Combine(output, "checkpoint-4"));
        int best = history.Where(line => line.TryGetProperty("eval_margin", out _))
            .MinBy(line => line.GetProperty("eval_margin").GetDouble()).GetProperty("step").GetInt32();
        Assert.Equal(1, best);
        Assert.Equal(["checkpoint-1", "checkpoint-4"],
            Directory.GetDirectories(output, "checkpoint-*").Select(path => Path.GetFileName(path)).Order());
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(output, "checkpoint-1", "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(output, "adapter_model.safetensors")));
        var state = JsonElement.Parse(File.ReadAllBytes(Path.Combine(output, "checkpoint-4", "trainer_state.json")));
        Assert.Equal(1, state.GetProperty("best_global_step").GetInt32());
        Assert.EndsWith("checkpoint-1", state.GetProperty("best_model_checkpoint").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 11)]
    [InlineData("split: 'train[2:6]'", 4)]
    [InlineData("split: 'train[:50%]+train[-1:]'", 7)]
    public void Mixtures_are_read(string split, int rows)
    {
        using var scratch = new ScratchFolder();
        string config =
            scratch.Write("mix.yaml", $"datasets:\n- path: {Path.Combine(Case, "data")}\n  {split}\n  columns: [chosen, rejected]\n");
        CommandResult result = Btrm.Succeed(
            ["trl", "reward", "--config", config, "--model_name_or_path", TrlRun.Model, "--output_dir", scratch["out"], "--max_steps", "1",
                "--device", "cpu", .. Small]);
        Assert.Contains(rows.ToString(System.Globalization.CultureInfo.InvariantCulture),
            result.Error.Split('\n').Single(line => line.StartsWith("pairs kept", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_mixture_has_fractions_and_a_test_split()
    {
        using var scratch = new ScratchFolder();
        string data = Path.Combine(Case, "data");
        string config = scratch.Write(
            "mix.yaml", $"datasets:\n- path: json\n  data_files: {data}/train.jsonl\n  fraction: 0.5\n- path: {data}\n  data_files: "
                + $"[test.jsonl]\n  fraction: 0.5\ntest_split_size: 0.25\neval_strategy: epoch\n");
        CommandResult result = Btrm.Succeed(
            ["trl", "reward", "--config", config, "--model_name_or_path", TrlRun.Model, "--output_dir", scratch["out"], "--max_steps", "1",
                "--device", "cpu", .. Small]);

        // Six rows are all that the smaller half has, and three of twelve are drawn.
        string[] kept = result.Error.Split('\n').Single(line => line.StartsWith("pairs kept", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["9", "3"], kept[^2..]);
        Btrm.Fail(2, ["trl", "reward", "--config", scratch.Write("no.yaml", $"datasets:\n- path: {data}\neval_strategy: epoch\n"),
            "--model_name_or_path", TrlRun.Model, "--output_dir", scratch["x"]], "test_split_size");
    }

    [Fact]
    public void Steps_decide_the_epochs_that_the_state_tells_and_no_batch_is_an_error()
    {
        using var scratch = new ScratchFolder();
        string output = scratch["out"];

        // 11 pairs in batches of 3 are 4 batches, two steps an epoch: three steps begin a second one.
        TrlRun.Succeed(Case, output, [.. Small, "--max_steps", "3", "--num_train_epochs", "7", "--eval_strategy", "no"]);
        var state = JsonElement.Parse(File.ReadAllBytes(Path.Combine(output, "checkpoint-3", "trainer_state.json")));
        Assert.Equal((2, 3), (state.GetProperty("num_train_epochs").GetInt32(), state.GetProperty("max_steps").GetInt32()));
        Btrm.Fail(2, TrlRun.Words(Case, scratch["x"], [.. Small, "--dataloader_drop_last", "--per_device_eval_batch_size", "7"]),
            "6 evaluation pairs make no batch of 7");
    }

    [Fact]
    public void Help_lists_every_option_and_mistakes_are_said()
    {
        CommandResult help = Btrm.Succeed("trl", "reward", "--help");
        Assert.Contains("--center_rewards_coefficient", help.Output, StringComparison.Ordinal);
        Assert.Contains("--device", help.Output, StringComparison.Ordinal);
        Btrm.Fail(2, ["trl", "reward"], "--model_name_or_path is needed");
        Btrm.Fail(2, ["trl", "sft"], "unknown command 'sft'");
    }

    private static string[] Untimed(string checkpoint) =>
        [.. TrlRun.History(checkpoint)
            .Select(line => string.Join(' ', TrlRun.Names(line).Select(name => $"{name}={line.GetProperty(name).GetRawText()}")))];
}
