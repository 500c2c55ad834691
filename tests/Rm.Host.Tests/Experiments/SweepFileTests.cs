using Rm.Formats;
using Rm.Host.Experiments;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Experiments;

/// <summary>A sweep's file: what it expands to, and which mistakes in it are named before anything starts.</summary>
public sealed class SweepFileTests
{
    [Fact]
    public void A_matrix_expands_with_the_first_setting_slowest()
    {
        SweepFile file = Read("""{"base": {"model": "M"}, "matrix": {"lr": [1e-4, 5e-5], "lora-rank": [4, 8], "rslora": [true, false]}}""");
        Assert.Equal(
        [
            "lr=1e-4_lora-rank=4_rslora=true", "lr=1e-4_lora-rank=4_rslora=false", "lr=1e-4_lora-rank=8_rslora=true",
            "lr=1e-4_lora-rank=8_rslora=false",
            "lr=5e-5_lora-rank=4_rslora=true", "lr=5e-5_lora-rank=4_rslora=false", "lr=5e-5_lora-rank=8_rslora=true",
            "lr=5e-5_lora-rank=8_rslora=false",
        ], file.Runs.Select(r => r.Name));
        SweepRun last = file.Runs[^1];
        Assert.Equal(["lr", "lora-rank", "rslora"], last.Changed.Select(s => s.Key));
        Assert.Equal(("M", "5e-5", "8"),
            (SweepRun.Text(last.Settings["model"]), last.Settings["lr"].GetRawText(), last.Settings["lora-rank"].GetRawText()));
    }

    [Fact]
    public void Excluded_combinations_are_left_out()
    {
        SweepFile file = Read("""
            {"matrix": {"lr": [1e-4, 5e-5], "lora-rank": [4, 8, 16]}, "exclude": [{"lr": 1e-4, "lora-rank": 8}, {"lora-rank": 16}]}
            """);
        Assert.Equal(["lr=1e-4_lora-rank=4", "lr=5e-5_lora-rank=4", "lr=5e-5_lora-rank=8"], file.Runs.Select(r => r.Name));

        // Numbers are compared by value, not by how they are written.
        Assert.Single(Read("""{"matrix": {"lr": [1e-4, 5e-5]}, "exclude": [{"lr": 0.0001}]}""").Runs);
    }

    [Fact]
    public void Listed_runs_come_after_the_matrix_and_change_the_base()
    {
        SweepFile file = Read("""
            {
              // A comment, and commas at the ends.
              "note": "all", "base": {"lr": 1e-4, "lora": true, "eval-file": "E"}, "matrix": {"seed": [1]},
              "runs": [{"name": "A0", "note": "first", "settings": {"lora": false, "eval-file": null}}, {"name": "B"},],
            }
            """);
        Assert.Equal(["seed=1", "A0", "B"], file.Runs.Select(r => r.Name));
        Assert.Equal(("all", "first", null), (file.Note, file.Runs[1].Note, file.Runs[2].Note));
        Assert.Equal("lora=false eval-file=none", string.Join(' ', file.Runs[1].Changed.Select(s => $"{s.Key}={SweepRun.Text(s.Value)}")));
        Assert.Empty(file.Runs[2].Changed);
    }

    [Fact]
    public void Names_are_plain()
    {
        SweepFile file = Read("""{"matrix": {"train-file": ["data/a b.jsonl"], "lora-target-modules": ["q_proj,v_proj"]}}""");
        Assert.Equal("train-file=data-a-b.jsonl_lora-target-modules=q_proj-v_proj", Assert.Single(file.Runs).Name);
    }

    [Theory]
    [InlineData("""{"base": {"lora-rnak": 4}, "runs": [{"name": "A"}]}""", "base: unknown setting \"lora-rnak\" (did you mean lora-rank?)")]
    [InlineData("""{"matrix": {"lrr": [4]}}""", "matrix: unknown setting \"lrr\" (did you mean lr?)")]
    [InlineData("""{"runs": [{"name": "A"}, {"name": "B", "settings": {"step": 1}}]}""", "runs[1] (B): unknown setting \"step\" (did you mean steps?)")]
    [InlineData("""{"matirx": {"lr": [4]}}""", "unknown key \"matirx\" (did you mean matrix?)")]
    [InlineData("""{"lr": 4, "runs": []}""", "unknown key \"lr\" (settings go into \"base\")")]
    [InlineData("""{"runs": [{"name": "A", "lr": 1}]}""", "runs[0]: unknown key \"lr\" (settings go into \"settings\")")]
    [InlineData("""{"base": {"output-dir": "x"}, "runs": [{"name": "A"}]}""", "base: \"output-dir\" is for the sweep to say")]
    [InlineData("""{"runs": [{"name": "A"}, {"name": "a"}]}""", "two runs are called 'a'")]
    [InlineData("""{"matrix": {"seed": [1, 1]}}""", "two runs are called 'seed=1'")]
    [InlineData("""{"runs": [{"name": "../A"}]}""", "the run name '../A' may hold letters")]
    [InlineData("""{"runs": [{"name": "a/b"}]}""", "the run name 'a/b' may hold letters")]
    [InlineData("""{"runs": [{"name": ".A"}]}""", "not begin with")]
    [InlineData("""{"runs": [{"name": ""}]}""", "must have 1 to 100 characters")]
    [InlineData("""{"runs": [{"name": "slurm"}]}""", "a file of its own")]
    [InlineData("""{"runs": [{"note": "A"}]}""", "runs[0] has no name")]
    [InlineData("""{"runs": {"A": 1}}""", "runs must be a list of objects")]
    [InlineData("""{"runs": [1]}""", "runs must be a list of objects")]
    [InlineData("""{"base": [1], "runs": []}""", "base is [1]; expected an object")]
    [InlineData("""{"matrix": {"lr": 1e-4}}""", "matrix.lr must be a list of values")]
    [InlineData("""{"matrix": {"lr": []}}""", "matrix.lr must be a list of values")]
    [InlineData("""{"matrix": {"lr": [1]}, "exclude": [{"seed": 1}]}""", "exclude names \"seed\", which the matrix does not have")]
    [InlineData("""{"matrix": {"lr": [1]}, "exclude": [{"lr": 2}]}""", "exclude {\"lr\": 2} matches no combination")]
    [InlineData("""{"matrix": {"lr": [1]}, "exclude": [{"lr": 1}]}""", "defines no runs")]
    [InlineData("""{"runs": [{"name": "A"}], "exclude": [{"lr": 1}]}""", "exclude needs a matrix")]
    [InlineData("""{"matrix": {"lr": [1]}, "exclude": {"lr": 1}}""", "exclude must be a list of objects")]
    [InlineData("{}", "defines no runs")]
    [InlineData("""{"runs": [], "runs": []}""", "is not valid JSON")]
    [InlineData("[]", "must hold one JSON object")]
    [InlineData("{", "is not valid JSON")]
    public void A_mistake_is_named_with_its_place(string json, string message)
    {
        using var scratch = new ScratchFolder();
        string path = scratch.Write("sweep.json", json);
        Btrm.Fail(2, ["sweep", path, "--output-dir", scratch["out"]], path, message);
        Assert.False(Directory.Exists(scratch["out"]));
    }

    [Fact]
    public void A_matrix_of_a_million_runs_is_refused_at_once()
    {
        string values = string.Join(',', Enumerable.Range(0, 1000));
        Assert.Contains("more than 10000 combinations", Assert.Throws<UserInputException>(() =>
            Read($$"""{"matrix": {"seed": [{{values}}], "steps": [{{values}}], "limit": [{{values}}]} }""")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named() => Btrm.Fail(2, ["sweep", "/nowhere/sweep.json"], "/nowhere/sweep.json: cannot be read");

    internal static SweepFile Read(string json)
    {
        using var scratch = new ScratchFolder();
        return SweepFile.Read(scratch.Write("sweep.json", json));
    }
}
