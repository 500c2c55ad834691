using System.Text.Json;
using Rm.Host.Experiments;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Experiments;

/// <summary><c>btrm sweep</c> on this machine, with training processes of its own.</summary>
public sealed class SweepCommandTests
{
    [Fact]
    public void All_runs_run_and_finished_ones_are_skipped()
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        string file = sweep.Write("""
            "note": "small", "matrix": {"lr": [1e-3, 1e-2]}, "runs": [{"name": "full", "note": "all weights", "settings": {"lora": false, "steps": 4}}]
            """);
        CommandResult result = Btrm.Succeed(sweep.Command(file, "--jobs", "2"));
        Assert.Equal("lr=1e-3:finished lr=1e-2:finished full:finished", sweep.Statuses);
        Assert.Contains("3 finished of 3 runs", result.Output, StringComparison.Ordinal);
        JsonElement full = sweep.Results[2];
        Assert.Equal("all weights", full.GetProperty("note").GetString());
        Assert.Equal("""{"lora":false,"steps":4}""", full.GetProperty("settings").GetRawText());
        Assert.Equal(4, full.GetProperty("result").GetProperty("step").GetInt32());
        Assert.Equal(0, full.GetProperty("exit_code").GetInt32());
        Assert.True(full.GetProperty("result").GetProperty("eval_accuracy").ValueKind == JsonValueKind.Number);
        JsonElement definition = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(sweep.Out, "sweep.json"))).RootElement;
        Assert.Equal(("small", 3),
            (definition.GetProperty("note").GetString(), definition.GetProperty("counts").GetProperty("finished").GetInt32()));
        Assert.Contains(
            "--lora=false", definition.GetProperty("runs")[2].GetProperty("arguments").EnumerateArray().Select(a => a.GetString()));

        // The same command computes nothing again, and neither does --collect.
        string log = sweep.Log("full");
        Assert.Contains("finished before; skipped", Btrm.Succeed(sweep.Command(file)).Error, StringComparison.Ordinal);
        Assert.Contains("3 finished of 3 runs", Btrm.Succeed(sweep.Command(file, "--collect")).Output, StringComparison.Ordinal);
        Assert.Equal(log, sweep.Log("full"));
    }

    [Fact]
    public void A_changed_definition_of_a_run_is_refused_with_what_to_do()
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        Btrm.Succeed(sweep.Command(sweep.Write("""
            "runs": [{"name": "A", "settings": {"steps": null, "epochs": 0.5, "warmup-ratio": 0.5}}]
            """)));
        Btrm.Succeed(sweep.Command(sweep.Write("""
            "runs": [{"name": "A", "settings": {"steps": null, "epochs": 0.5, "warmup-ratio": 0.5, "threads": 1, "log-every": 2}}]
            """)));
        string changed = sweep.Write("""
            "runs": [{"name": "A", "settings": {"steps": null, "epochs": 0.5, "warmup-ratio": 0.5, "lr": 0.5}}, {"name": "B"}]
            """);
        Btrm.Fail(2, sweep.Command(changed), "run A: ", "--lr: was 5E-05, is 0.5", "new name");
        Assert.False(Directory.Exists(Path.Combine(sweep.Out, "B")));
        Btrm.Succeed(sweep.Command(changed, "--only", "B"));
    }

    [Fact]
    public void A_run_that_fails_does_not_stop_the_others_and_is_named()
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        string file = sweep.Write("""
            "runs": [{"name": "bad", "settings": {"lr": 1e30, "max-grad-norm": 0}}, {"name": "good"}, {"name": "other"}]
            """);
        CommandResult result = Btrm.Fail(1, sweep.Command(file, "--only", "good,bad"), "1 of 2 runs have no result: bad");
        Assert.Equal("bad:failed good:finished other:missing", sweep.Statuses);
        Assert.Contains("bad: failed: exit code 1", result.Output, StringComparison.Ordinal);
        Assert.Equal(1, sweep.Results[0].GetProperty("exit_code").GetInt32());
        Assert.Equal(JsonValueKind.Null, sweep.Results[0].GetProperty("result").ValueKind);

        // Collecting says the same from what the runs left behind, now over all of them.
        result = Btrm.Fail(1, sweep.Command(file, "--collect"), "2 of 3 runs have no result: bad, other");
        Assert.Contains("1 finished, 1 failed, 1 missing of 3 runs", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_mistake_of_every_run_is_named_before_anything_starts()
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        string file = sweep.Write("""
            "runs": [
              {"name": "A"}, {"name": "B", "settings": {"steps": 1.5}}, {"name": "C", "settings": {"lora-target-modules": "q_prj"}},
              {"name": "D", "settings": {"lr-scheduler": "cosin"}}, {"name": "E", "settings": {"eval-file": "/nowhere.jsonl"}},
              {"name": "F", "settings": {"lora": 1}}, {"name": "G", "settings": {"device": "tpu"}}, {"name": "H", "settings": {"model": null}},
              {"name": "I", "settings": {"preset": "guide-3"}}, {"name": "J", "settings": {"eval-split": "test"}}
            ]
            """);
        Btrm.Fail(
            2, sweep.Command(file), "run B: --steps '1.5' is not a whole number",
            "run C: --lora-target-modules: unknown module 'q_prj' (did you mean q_proj?)",
            "run D: --lr-scheduler 'cosin' is not known (did you mean cosine?)", "run E: --eval-file /nowhere.jsonl: no such file",
            "run F: \"lora\" must be true or false", "run G: --device 'tpu' is not known", "run H: Option '--model' is required",
            "run I: --preset 'guide-3' is not known (did you mean guide-3b?)", "run J: Give either --eval-file or --eval-split");
        Assert.False(Directory.Exists(sweep.Out));
    }

    [Fact]
    public void A_dry_run_prints_commands_that_a_shell_reads_back()
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        string file = sweep.Write("""
            "runs": [{"name": "A", "settings": {"system-prompt": "Don't  'say' $HOME", "lora": false}}, {"name": "B"}]
            """);
        string[] lines = Btrm.Succeed(sweep.Command(file, "--dry-run")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("btrm train --model=", lines[0], StringComparison.Ordinal);
        Assert.Contains("'--system-prompt=Don'\\''t  '\\''say'\\'' $HOME'", lines[0], StringComparison.Ordinal);
        Assert.EndsWith($"--output-dir={sweep.Out}/B --resume=auto", lines[1], StringComparison.Ordinal);
        Assert.False(Directory.Exists(sweep.Out));
    }

    [Theory]
    [InlineData("--only=C", "--only: ", "has no run 'C'")]
    [InlineData("--only=,", "--only names nothing")]
    [InlineData("--jobs=0", "--jobs must be at least 1")]
    [InlineData("--time=1", "--time has no effect without --slurm")]
    [InlineData("--slurm --devices=cpu", "--devices is for runs on this machine")]
    [InlineData("--slurm --collect", "Give either --collect or --slurm")]
    [InlineData("--slurm --signal-seconds=0", "--signal-seconds must be 1 to 65535")]
    [InlineData("--devices=cpu", "gives run A one of its own")]
    [InlineData("--lr=1", "unknown option --lr")]
    public void Mistakes_on_the_command_line_are_named(string words, params string[] messages)
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        string file = sweep.Write("""
            "runs": [{"name": "A"}, {"name": "B"}]
            """);
        Btrm.Fail(2, sweep.Command(file, words.Split(' ')), messages);
        Assert.False(Directory.Exists(sweep.Out));
    }

    [Fact]
    public void Devices_are_dealt_and_processor_threads_shared()
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch, steps: 1);
        string file = sweep.Write("""
            "matrix": {"seed": [1, 2, 3]}
            """, withoutDevice: true);
        CommandResult result = Btrm.Succeed(sweep.Command(file, "--devices", "cpu,auto"));
        Assert.Contains("[1/3] seed=1: started on cpu", result.Error, StringComparison.Ordinal);
        Assert.Contains("[2/3] seed=2: started on auto", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_least_busy_device_is_dealt()
    {
        var pool = new DevicePool(["cuda:0", "cuda:1", "cuda:1"]);
        Assert.Equal(["cuda:0", "cuda:1", "cuda:1", "cuda:0"], [.. Enumerable.Range(0, 4).Select(_ => pool.Take()!)]);
        pool.Return("cuda:1");
        Assert.Equal("cuda:1", pool.Take());
        Assert.Null(new DevicePool([]).Take());
    }

    [Fact]
    public void The_program_starts_itself_again()
    {
        using var scratch = new ScratchFolder();
        Assert.Equal(["/opt/btrm"], SelfCommand.Find("/opt/btrm", scratch.Path));
        scratch.Write("btrm.dll", "");
        Assert.Equal(["/opt/btrm"], SelfCommand.Find("/opt/btrm", scratch.Path));
        Assert.Equal(["/usr/bin/dotnet", scratch["btrm.dll"]], SelfCommand.Find("/usr/bin/dotnet", scratch.Path));
        Assert.Equal(["dotnet", scratch["btrm.dll"]], SelfCommand.Find("/opt/tests", scratch.Path));
    }
}
