using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.Cli;

/// <summary>
/// What a user who mistypes something reads: one message that names the option, file or field, exit code 2, and no stack trace.
/// </summary>
public sealed class UsageTests
{
    public static TheoryData<string, string> Mistakes => new()
    {
        { "--lorra", "unknown option --lorra (did you mean --lora?)" },
        { "--steps abc", "--steps 'abc' is not a whole number" },
        { "--steps 0", "--steps must be at least 1" },
        { "--steps 1.5", "--steps '1.5' is not a whole number" },
        { "--steps 99999999999", "--steps '99999999999' is not a whole number" },
        { "--lr 1,5", "--lr '1,5' is not a number" },
        { "--lr NaN", "--lr 'NaN' is not a number" },
        { "--lr -1", "--lr must be a number of 0 or more" },
        { "--lr 1e999", "--lr '1e999' is not a number" },
        { "--seed -1", "--seed '-1' is not a whole number of 0 or more" },
        { "--limit 0", "--limit must be at least 1" },
        { "--batch-size 0", "--batch-size must be at least 1" },
        { "--label-smoothing 0.5", "--label-smoothing must be" },
        { "--warmup-ratio 2", "--warmup-ratio must be 0 to 1" },
        { "--lr-scheduler cosin", "--lr-scheduler 'cosin' is not known (did you mean cosine?). Choose one of: cosine, linear" },
        { "--order random", "Choose one of: shuffle, sequential" },
        { "--best-metric acuracy", "did you mean accuracy?" },
        { "--truncation left", "--truncation 'left' is not known" },
        { "--lora --lora-target-modules q_prj", "unknown module 'q_prj' (did you mean q_proj?)" },
        { "--lora --lora-modules-to-save lm_head", "no norm of this model ends in 'lm_head'" },
        { "--lora --lora-rank 0", "--lora-rank must be 1 to 1024" },
        { "--lora --lora-alpha 0", "--lora-alpha must be above 0" },
        { "--lora --lora-dropout 1", "--lora-dropout must be at least 0 and below 1" },
        { "--lora-rank 8", "--lora-rank has no effect without --lora" },
        { "--device tpu", "--device 'tpu' is not known" },
        { "--lr 1 --lr 2", "--lr" },
        { "stray", "unexpected argument 'stray'" },
        { "--eval-split test", "--eval-split needs --hf-dataset" },
        { "--hf-dataset x", "either --train-file or --hf-dataset" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_named(string words, string message)
    {
        using var scratch = new ScratchFolder();
        Btrm.Fail(2, [.. Valid(scratch), .. words.Split(' ')], message);
        Assert.False(Directory.Exists(scratch["out/checkpoints"]));
    }

    [Fact]
    public void Missing_things_are_named()
    {
        using var scratch = new ScratchFolder();
        string[] valid = Valid(scratch);
        Btrm.Fail(2, ["train"], "'--model' is required");
        Btrm.Fail(2, []);
        Btrm.Fail(2, ["trian"], "unknown command 'trian' (did you mean train?)");
        Btrm.Fail(2, ["data", "sow"], "unknown command 'sow' (did you mean show?)");
        Btrm.Fail(2, [.. valid[..3], .. valid[5..]], "No training data");
        Btrm.Fail(2, valid[..5], "--output-dir DIR is needed");
        Btrm.Fail(2, [.. valid, "--init-adapter", scratch["nowhere"]], "nowhere: no such folder");
        Btrm.Fail(2, ["train", "--model", scratch["nowhere"], .. valid[3..]], "nowhere: no such folder. Give the folder of a checkpoint");
        Btrm.Fail(2, ["score", "--model", valid[2], "--input", scratch["no.jsonl"], "--output", scratch["o"]], "no.jsonl");
        Btrm.Fail(2, ["eval", "--model", valid[2]], "--eval-file FILE");
        Btrm.Fail(2, ["merge", "--model", valid[2], "--output-dir", scratch["m"]], "--adapter DIR is needed");
        Btrm.Fail(2, ["bench"], "--shape NAME or --model DIR");
        Btrm.Fail(2, ["bench", "--shape", "giant"], "giant");
    }

    [Fact]
    public void A_bad_row_is_named_by_file_and_line()
    {
        using var scratch = new ScratchFolder();
        string[] valid = Valid(scratch);
        string file = scratch.Write(
            "rows.jsonl", "{\"chosen_ids\":[1,2],\"rejected_ids\":[1,3]}\n{\"chosen_ids\":[1,2],\"rejected_ids\":[1,\"x\"]}\n");
        Btrm.Fail(2, ["train", "--model", valid[2], "--train-file", file, "--output-dir", scratch["o"]], "rows.jsonl", "2", "rejected_ids");
        scratch.Write("rows.jsonl", "{\"chosen_ids\":[1,2],\"rejected_ids\":[1,99999]}\n");
        Btrm.Fail(2, ["train", "--model", valid[2], "--train-file", file, "--output-dir", scratch["o"]], "rows.jsonl", "99999");
        scratch.Write("rows.jsonl", "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n");
        Btrm.Fail(2, ["train", "--model", valid[2], "--train-file", file, "--output-dir", scratch["o"]], "tokenizer");
    }

    [Fact]
    public void An_adapter_decides_and_a_command_line_that_contradicts_it_is_refused()
    {
        using var scratch = new ScratchFolder();
        string[] valid = [.. Valid(scratch), "--init-adapter", new GoldenCase("qwen2-tiny").AdapterPath!];
        Btrm.Fail(2, [.. valid, "--lora-rank", "8"], "--lora-rank is 8, but the adapter", "has 4");
        Btrm.Fail(2, [.. valid, "--lora-alpha", "16"], "--lora-alpha is 16");
        Btrm.Fail(2, [.. valid, "--rslora"], "--rslora is True");
        Btrm.Fail(2, [.. valid, "--lora-target-modules", "q_proj"], "--lora-target-modules is q_proj");
        Btrm.Succeed([.. valid, "--lora", "--lora-rank", "4", "--lora-alpha", "32", "--lora-target-modules", "all-linear"]);
    }

    [Fact]
    public void Help_and_version_are_answered()
    {
        foreach (string[] arguments in new string[][] { ["--help"], ["train", "--help"], ["score", "-h"], ["--version"],
            ["data", "report", "--help"] })
        {
            CommandResult result = Btrm.RunProcess(arguments);
            Assert.Equal(0, result.ExitCode);
            Assert.NotEmpty(result.Output);
        }
    }

    [Fact]
    public void A_stack_trace_is_shown_only_with_debug()
    {
        CommandResult result = Btrm.RunProcess("train", "--model", "/nowhere", "--debug");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("   at ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", Btrm.RunProcess("train", "--model", "/nowhere").Error, StringComparison.Ordinal);
    }

    // A run that would work.
    private static string[] Valid(ScratchFolder scratch) =>
    [
        "train", "--model", new GoldenCase("qwen2-tiny").ModelFolderPath, "--train-file",
        scratch.Write("train.jsonl", IdRows.Random(4, 512, 20, 1)),
        "--output-dir", scratch["out"],
    ];
}
