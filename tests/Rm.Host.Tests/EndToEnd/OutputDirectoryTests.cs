using System.Text.Json.Nodes;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>What keeps one run from damaging another, and what a resumed run refuses or survives.</summary>
public sealed class OutputDirectoryTests
{
    [Fact]
    public void A_directory_with_a_run_is_refused_and_overwritten_only_when_everything_else_is_right()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        string[] arguments = run.Arguments("out", steps: 2);
        Btrm.Succeed(arguments);
        byte[] before = File.ReadAllBytes(scratch["out/final/adapter_model.safetensors"]);
        Btrm.Fail(2, arguments, "holds a run already", "--resume auto", "--overwrite");
        Btrm.Fail(2, [.. arguments, "--overwrite", "--resume", "auto"], "not both");

        string[] mistyped =
            [.. arguments.Select(a => a.EndsWith("train.jsonl", StringComparison.Ordinal) ? scratch["trian.jsonl"] : a), "--overwrite"];
        Btrm.Fail(2, mistyped, "trian.jsonl");
        Assert.Equal(before, File.ReadAllBytes(scratch["out/final/adapter_model.safetensors"]));

        Btrm.Succeed([.. run.Arguments("out", steps: 3), "--overwrite"]);
        Assert.NotEqual(before, File.ReadAllBytes(scratch["out/final/adapter_model.safetensors"]));
    }

    [Fact]
    public void Checkpoints_beyond_the_number_to_keep_are_removed()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("out", steps: 9, saveEvery: 2, keep: 3));
        Assert.Equal(
            ["step-6", "step-8", "step-9"],
            Directory.GetDirectories(scratch["out/checkpoints"]).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Only_one_process_may_write_to_a_directory()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch, evalPairs: 600);
        using BtrmProcess first = Btrm.Start(run.Arguments("out", steps: 4));
        Assert.True(first.WaitFor(() => File.Exists(scratch["out/run.json"])), first.Error);
        Btrm.Fail(2, [.. run.Arguments("out", steps: 4), "--resume", "auto"], "another btrm process is writing there");
        first.Signal(BtrmProcess.SigKill);
        first.Wait();
        Btrm.Succeed([.. run.Arguments("out", steps: 4), "--resume", "auto"]);
    }

    [Fact]
    public void Other_settings_and_other_data_are_named()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        string[] arguments = run.Arguments("out", steps: 2);
        Btrm.Succeed(arguments);
        Btrm.Fail(2, [.. arguments, "--weight-decay", "0.5", "--beta", "2", "--resume", "auto"], "--weight-decay: was 0.01, is 0.5",
            "--beta: was 1, is 2");
        Btrm.Fail(2, [.. run.Arguments("out", steps: 3), "--resume", "auto"], "--steps: was 2, is 3");
        Btrm.Succeed([.. arguments[..^2], "--threads", "2", "--resume", "auto"]);

        scratch.Write("eval.jsonl", IdRows.Random(12, 512, 40, seed: 3));
        Btrm.Fail(2, [.. arguments, "--resume", "auto"], "evaluation pairs are not those of the run to resume");
        scratch.Write("eval.jsonl", IdRows.Random(12, 512, 40, seed: 2));
        scratch.Write("train.jsonl", IdRows.Random(30, 512, 40, seed: 4));
        Btrm.Fail(2, [.. arguments, "--resume", "auto"], "training pairs are not those of the run to resume");
    }

    [Fact]
    public void A_setting_that_an_earlier_version_did_not_have_counts_as_its_default()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        string[] arguments = run.Arguments("out", steps: 2);
        Btrm.Succeed(arguments);
        JsonNode file = JsonNode.Parse(File.ReadAllText(scratch["out/run.json"]))!;
        Assert.True(file["settings"]!.AsObject().Remove("loraplus-lr-embedding"));
        File.WriteAllText(scratch["out/run.json"], file.ToJsonString());
        Btrm.Succeed([.. arguments, "--resume", "auto"]);
        Btrm.Fail(2, [.. arguments, "--loraplus-lr-embedding", "0.5", "--resume", "auto"], "--loraplus-lr-embedding: was 1E-06, is 0.5");
    }

    [Fact]
    public void A_base_model_that_was_replaced_under_its_path_is_refused()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        string[] arguments = run.Arguments("out", steps: 2);
        string source = arguments[Array.IndexOf(arguments, "--model") + 1];
        arguments[Array.IndexOf(arguments, "--model") + 1] = Directory.CreateDirectory(scratch["model"]).FullName;
        foreach (string file in Directory.GetFiles(source))
        {
            File.Copy(file, scratch[$"model/{Path.GetFileName(file)}"]);
        }

        Btrm.Succeed(arguments);
        string weights = scratch["model/model.safetensors"];
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^2] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Btrm.Fail(2, [.. arguments, "--resume", "auto"], "weights of --model are not those of the run to resume");
        bytes[^2] ^= 1;
        File.WriteAllBytes(weights, bytes);
        Btrm.Succeed([.. arguments, "--resume", "auto"]);
    }

    [Theory]
    [InlineData("adapter_model.safetensors")]
    [InlineData("optimizer.safetensors")]
    [InlineData("trainer_state.json")]
    [InlineData("adapter_config.json")]
    public void A_damaged_newest_checkpoint_falls_back_to_the_one_before(string file)
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("reference", steps: 6));
        Btrm.Succeed(run.Arguments("out", steps: 6));
        using (FileStream damaged = File.Open(scratch[$"out/checkpoints/step-6/{file}"], FileMode.Open))
        {
            damaged.SetLength(damaged.Length / 2);
        }

        CommandResult result = Btrm.Succeed([.. run.Arguments("out", steps: 6), "--resume", "auto"]);
        Assert.Contains("step-6 cannot be used", result.Error, StringComparison.Ordinal);
        Assert.Contains("step-4 (step 4)", result.Error, StringComparison.Ordinal);
        run.AssertSame("reference", "out", $"{file} was damaged");
    }

    [Fact]
    public void A_named_older_checkpoint_rewinds_the_run()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("reference", steps: 8, keep: 9));
        Btrm.Succeed(run.Arguments("out", steps: 8, keep: 9));
        Btrm.Succeed([.. run.Arguments("out", steps: 8, keep: 9), "--resume", scratch["out/checkpoints/step-2"]]);
        run.AssertSame("reference", "out", "rewound to step 2");
    }

    [Fact]
    public void Numbers_that_are_not_finite_end_the_run_with_the_step_the_rows_and_the_last_checkpoint()
    {
        var golden = new GoldenCase("qwen2-tiny");
        using var scratch = new ScratchFolder();
        string file = scratch.Write("train.jsonl", IdRows.Random(8, 512, 40, seed: 1));
        string[] arguments =
        [
            "train", "--model", golden.ModelFolderPath, "--train-file", file, "--lora", "--batch-size", "2", "--steps", "9",
            "--warmup-steps", "2",
            "--lr-scheduler", "constant_with_warmup", "--order", "sequential", "--output-dir",
        ];

        // The first step has rate 0, the second leaves parameters that no forward pass survives.
        Btrm.Fail(1, [.. arguments, scratch["a"], "--lr", "1e30"], "of step 3 is not a finite number", "train.jsonl:5",
            "There is no checkpoint yet");
        Btrm.Fail(
            1, [.. arguments, scratch["b"], "--lr", "1e30", "--save-every", "1"], "step-2 was not saved", "last good checkpoint is",
            "step-1");
        Assert.Equal(["step-1"], Directory.GetDirectories(scratch["b/checkpoints"]).Select(d => Path.GetFileName(d)));
        Btrm.Fail(
            1, [.. arguments, scratch["c"], "--lr", "1e30", "--eval-file", file, "--eval-every", "1"], "not finite numbers",
            "train.jsonl:1",
            "There is no checkpoint yet");
    }
}
