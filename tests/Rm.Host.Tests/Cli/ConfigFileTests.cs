using System.Text;
using System.Text.Json;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Tokenization;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.Cli;

/// <summary><c>--config FILE.json</c>: the same names, the same meaning, the command line wins.</summary>
public sealed class ConfigFileTests
{
    [Fact]
    public void A_file_says_what_the_command_line_says_and_the_command_line_wins()
    {
        using var scratch = new ScratchFolder();
        string config = scratch.Write("run.json", $$"""
            {
              // Comments are welcome in a file that people write.
              "model": {{JsonSerializer.Serialize(new GoldenCase("qwen2-tiny").ModelFolderPath)}},
              "train-file": {{JsonSerializer.Serialize(scratch.Write("train.jsonl", IdRows.Random(8, 512, 20, 1)))}},
              "output-dir": {{JsonSerializer.Serialize(scratch["out"])}},
              "lora": true, "rslora": false, "lora-rank": 2, "lora-alpha": 8.5, "lora-target-modules": ["q_proj", "v_proj"],
              "steps": 3, "batch-size": 2, "lr": 1e-4, "system-prompt": "--lora @x = a:b", "eval-file": null, "seed": 18446744073709551615,
            }
            """);
        Btrm.Succeed("train", "--config", config, "--steps", "2", "--lr=3e-4");
        JsonElement settings = JsonDocument.Parse(File.ReadAllBytes(scratch["out/run.json"])).RootElement.GetProperty("settings");
        foreach ((string name, string value) in new[]
        {
            ("steps", "2"), ("lr", "0.0003"), ("lora", "true"), ("rslora", "false"), ("lora-rank", "2"), ("lora-alpha", "8.5"),
            ("lora-target-modules", "q_proj,v_proj"), ("system-prompt", "--lora @x = a:b"), ("seed", "18446744073709551615"),
        })
        {
            Assert.Equal(value, settings.GetProperty(name).GetString());
        }
    }

    [Theory]
    [InlineData("{\"lora-rnak\": 4}", "unknown key \"lora-rnak\" (did you mean lora-rank?)")]
    [InlineData("{\"--lora\": true}", "unknown key \"--lora\" (did you mean lora?)")]
    [InlineData("{\"config\": \"x\"}", "unknown key \"config\"")]
    [InlineData("{\"steps\": \"many\"}", "--steps 'many' is not a whole number")]
    [InlineData("{\"steps\": 1.5}", "--steps '1.5' is not a whole number")]
    [InlineData("{\"steps\": true}", "\"steps\" cannot be true")]
    [InlineData("{\"steps\": {}}", "\"steps\" cannot be object")]
    [InlineData("{\"lora\": 1}", "\"lora\" must be true or false")]
    [InlineData("{\"lora-target-modules\": [1]}", "must list strings")]
    [InlineData("{\"steps\": 1, \"steps\": 2}", "not valid JSON")]
    [InlineData("[1]", "must hold one JSON object")]
    [InlineData("{", "not valid JSON")]
    [InlineData("{\"system-prompt\": \"\\ud800\"}", "run.json")]
    [InlineData("{\"system-prompt\": \"a\\u0000b\"}", "'--model' is required")]
    public void Mistakes_in_the_file_are_named(string json, string message)
    {
        using var scratch = new ScratchFolder();
        string config = scratch.Write("run.json", json);
        CommandResult result =
            Btrm.Fail(2, ["train", "--config", config, .. json.Contains("system-prompt", StringComparison.Ordinal) ? [] : Valid], message);
        Assert.Contains(message.StartsWith('\'') || message.StartsWith('-') ? "btrm:" : "run.json", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named() =>
        Btrm.Fail(2, ["train", "--config", "/nowhere/run.json"], "--config /nowhere/run.json: cannot be read");

    [Fact]
    public void Mutated_files_cause_only_clean_errors()
    {
        const int Seed = 77;
        var random = new Random(Seed);
        using var scratch = new ScratchFolder();
        string valid = $$"""{"model": "/nowhere", "lora": true, "lora-rank": 4, "lr": 5e-5, "lora-target-modules": ["q_proj"], "system-prompt": "Be brief."}""";
        int iterations = FuzzSettings.Iterations(300, cost: 10);
        for (int i = 0; i < iterations; i++)
        {
            byte[] mutated = Mutations.Of(random, Encoding.UTF8.GetBytes(valid));
            string config = scratch["run.json"];
            File.WriteAllBytes(config, mutated);
            CommandResult result = Btrm.Run("train", "--config", config);
            Assert.True(
                result.ExitCode == 2 && !result.Error.Contains("Unexpected error", StringComparison.Ordinal),
                $"seed {Seed}, iteration {i}: exit {result.ExitCode}\n{Convert.ToBase64String(mutated)}\n{result.Error}");
        }
    }

    private static string[] Valid => ["--model", new GoldenCase("qwen2-tiny").ModelFolderPath];
}
