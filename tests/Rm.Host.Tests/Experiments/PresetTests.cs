using System.Text.Json;
using System.Text.RegularExpressions;
using Rm.Host.Cli;
using Rm.Host.Options;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Repository;
using Rm.Host.Tests.Training;
using Rm.Training.Model;

namespace Rm.Host.Tests.Experiments;

/// <summary>
/// <c>--preset</c>: the training guide's tables, under the command line and the configuration file and over the defaults.
/// </summary>
public sealed partial class PresetTests
{
    private static readonly string[] Hub = ["--model", "org/model", "--hf-dataset", "org/data"];

    [Theory]
    [InlineData("guide-3b", "5E-05", "4", "0.01", "5")]
    [InlineData("guide-7b", "1E-05", "16", "0.05", "3")]
    public void A_preset_sets_what_the_guide_recommends(string preset, string lr, string rank, string decay, string patience)
    {
        IReadOnlyDictionary<string, string> settings = TrainArguments.Check([.. Hub, "--preset", preset]);
        string expected = $"""
            lora=true lora-rank={rank} lora-alpha=32 lora-target-modules=q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj limit=5000 eval-limit=1000
            eval-split=test batch-size=16 micro-token-budget=8192 max-seq-len=1024 lr={lr} weight-decay={decay} lr-scheduler=cosine warmup-steps=50 steps=1000
            label-smoothing=0.05 score-regularization-lambda=0.1 regularization-lambda=0 beta=1 eval-every=100 early-stopping-patience={patience}
            """;
        string[] found = [.. settings.Select(s => $"{s.Key}={s.Value}")];
        Findings.None(expected.Split([' ', '\n']).Except(found, StringComparer.Ordinal));
    }

    [Fact]
    public void The_command_line_goes_before_the_file_and_the_file_before_the_preset()
    {
        using var scratch = new ScratchFolder();
        string config = scratch.Write("run.json", """{"preset": "guide-7b", "lr": 2e-5, "batch-size": 8, "rslora": false}""");
        IReadOnlyDictionary<string, string> settings = TrainArguments.Check([.. Hub, "--config", config, "--lr", "3e-5"]);
        Assert.Equal(("3E-05", "8", "16"), (settings["lr"], settings["batch-size"], settings["lora-rank"]));
        Assert.False(settings.ContainsKey("preset"));

        // The command line's preset replaces the file's.
        Assert.Equal("4", TrainArguments.Check([.. Hub, "--config", config, "--preset", "guide-3b"])["lora-rank"]);
    }

    [Fact]
    public void What_says_the_same_in_another_way_takes_a_presets_place()
    {
        using var scratch = new ScratchFolder();
        IReadOnlyDictionary<string, string> settings =
            TrainArguments.Check([.. Hub, "--preset", "guide-3b", "--epochs", "2", "--warmup-ratio", "0.1"]);
        Assert.False(settings.ContainsKey("steps"));
        Assert.False(settings.ContainsKey("warmup-steps"));

        string full = scratch.Write("full.json", """{"preset": "guide-3b", "lora": false}""");
        foreach (string[] words in new string[][] { ["--config", full], ["--preset", "guide-3b", "--lora=false"] })
        {
            settings = TrainArguments.Check([.. Hub, .. words]);
            Assert.Equal(("false", "all-linear"), (settings["lora"], settings["lora-target-modules"]));
        }

        settings = TrainArguments.Check([.. Hub, "--preset", "guide-7b", "--init-adapter", "org/adapter"]);
        Assert.Equal("4", settings["lora-rank"]);
        string rows = scratch.Write("rows.jsonl", IdRows.Random(2, 100, 10, 1));
        Assert.False(
            TrainArguments.Check(["--model", "org/model", "--train-file", rows, "--preset", "guide-3b"]).ContainsKey("eval-split"));
    }

    [Theory]
    [InlineData("guide-3B", "--preset 'guide-3B' is not known (did you mean guide-3b?). Choose one of: guide-3b, guide-7b.")]
    [InlineData("7b", "--preset '7b' is not known. Choose one of: guide-3b, guide-7b.")]
    public void An_unknown_preset_is_named(string name, string message) => Btrm.Fail(2, ["train", .. Hub, $"--preset={name}"], message);

    [Fact]
    public void A_preset_without_a_name_is_a_mistake() => Btrm.Fail(2, ["train", .. Hub, "--preset"], "--preset");

    [Fact]
    public void The_run_file_says_which_preset_it_was_and_what_it_came_to()
    {
        using var scratch = new ScratchFolder();
        string[] arguments =
        [
            "train", "--model", new GoldenCase("qwen2-tiny").ModelFolderPath, "--train-file",
            scratch.Write("rows.jsonl", IdRows.Random(8, 512, 20, 1)),
            "--output-dir", scratch["out"], "--steps", "2", "--batch-size", "2", "--threads", "1", "--device", "cpu",
        ];
        Btrm.Succeed([.. arguments, "--preset", "guide-7b"]);
        JsonElement run = JsonDocument.Parse(File.ReadAllBytes(scratch["out/run.json"])).RootElement;
        Assert.Equal("guide-7b", run.GetProperty("preset").GetString());
        JsonElement settings = run.GetProperty("settings");
        Assert.Equal(("16", "2"), (settings.GetProperty("lora-rank").GetString(), settings.GetProperty("steps").GetString()));
        Assert.Equal("0.1", settings.GetProperty("score-regularization-lambda").GetString());

        // What a run computes are its settings, not where they came from: the same values written out go on with it.
        string[] written = [.. Preset.In(Parsed("guide-7b"))!.Values.Where(
            v => v.Option is not ("--steps" or "--batch-size" or "--eval-split")).Select(v => $"{v.Option}={v.Value}")];
        Btrm.Succeed([.. arguments, .. written, "--resume", "auto"]);
    }

    [Theory]
    [InlineData("qwen2.5-7b", "guide-3b", 5e-5, "--preset guide-3b")]
    [InlineData("qwen2.5-7b", "guide-3b", 1e-5, "--preset guide-3b")]
    [InlineData("qwen2.5-7b", null, 5e-5, "--lr 5e-5")]
    [InlineData("llama3.1-8b", "guide-7b", 1e-4, "--lr 1e-4")]
    [InlineData("qwen2.5-7b", "guide-7b", 1e-5, null)]
    [InlineData("qwen2.5-7b", null, 4e-5, null)]
    [InlineData("qwen2.5-3b", "guide-3b", 5e-5, null)]
    [InlineData("qwen3-4b", null, 1e-3, null)]
    public void A_large_model_at_a_small_ones_rate_is_warned_about(string shape, string? preset, double lr, string? named)
    {
        string? warning = PresetAdvice.Warning(ModelShapes.Get(shape), preset, lr);
        Assert.Equal(named is not null, warning is not null);
        Assert.Contains(named ?? "", warning ?? "", StringComparison.Ordinal);
    }

    // From the models' published sizes less the language-model head: 3.09, 7.62 - 0.54, 8.03 - 0.53 and 4.02 billion.
    [Theory]
    [InlineData("qwen2.5-3b", 3.09)]
    [InlineData("qwen2.5-7b", 7.07)]
    [InlineData("llama3.1-8b", 7.50)]
    [InlineData("qwen3-4b", 4.02)]
    public void Sizes_are_the_published_ones(string shape, double billions) =>
        Assert.Equal(billions, PresetAdvice.Parameters(ModelShapes.Get(shape)) / 1e9, 0.011);

    [Fact]
    public void The_document_has_the_tables_of_the_presets()
    {
        var documented = PresetRow().Matches(RepositoryFiles.Read("docs/experiments.md"))
            .ToDictionary(
                m => m.Groups[1].Value, m => new[] { m.Groups[2].Value.Trim(), m.Groups[3].Value.Trim() }, StringComparer.Ordinal);
        Preset[] presets = [Preset.In(Parsed("guide-3b"))!, Preset.In(Parsed("guide-7b"))!];
        Assert.Equal(presets[0].Values.Select(v => v.Option).Order(StringComparer.Ordinal), documented.Keys.Order(StringComparer.Ordinal));
        for (int i = 0; i < presets.Length; i++)
        {
            Findings.None(presets[i].Values.Where(v => documented[v.Option][i] != (v.Value == "true" ? "on" : v.Value))
                .Select(v => $"{presets[i].Name}: {v.Option} is {v.Value}, documented as {documented[v.Option][i]}"));
        }
    }

    private static System.CommandLine.ParseResult Parsed(string preset) => CommandLine.Build().Parse(["train", .. Hub, "--preset", preset]);

    [GeneratedRegex(@"^\| `(--[a-z0-9-]+)` \|([^|]*)\|([^|]*)\|\s*$", RegexOptions.Multiline)]
    private static partial Regex PresetRow();
}
