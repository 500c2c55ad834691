using System.Text.Json;
using Rm.Host.Tests.Training;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// Configurations and adapters of the kinds that public files have, scored through the command line: tests/golden/public-cases, with the
/// rewards of transformers and PEFT.
/// </summary>
public sealed class PublicCaseTests
{
    // Refused by name, which is right too.
    private static readonly Dictionary<string, string> Refusals = new(StringComparer.Ordinal)
    {
        ["cfg-is-causal-false"] = "is_causal is false",
        ["cfg-minicpm3"] = "model_type is \"minicpm3\", built on latent attention",
        ["adapter-kasa"] = "kasa_config is {",
    };

    public static TheoryData<string> Names =>
        [.. Directory.GetDirectories(Path.Combine(TestPaths.Golden, "public-cases")).Select(d => Path.GetFileName(d)!)
            .Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Rewards_equal_those_of_the_reference_or_the_case_is_refused_by_name(string name)
    {
        string folder = Path.Combine(TestPaths.Golden, "public-cases", name);
        using var scratch = new ScratchFolder();
        string adapter = Path.Combine(folder, "adapter");
        string[] arguments =
        [
            "score", "--model", Path.Combine(folder, "model"), .. Directory.Exists(adapter)
                ? new[] { "--adapter", adapter }
                : [], "--input",
            Path.Combine(folder, "input.jsonl"), "--output", scratch["out.jsonl"],
        ];
        if (Refusals.TryGetValue(name, out string? message))
        {
            Btrm.Fail(2, arguments, message);
            return;
        }

        Btrm.Succeed(arguments);
        JsonElement expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "expected.json"))).RootElement;
        double tolerance = expected.GetProperty("relative_tolerance").GetDouble();
        double[] rewards = GoldenCloseness.Numbers(expected.GetProperty("rewards"));
        double[] ours = [.. IdRows.Read(scratch["out.jsonl"]).Select(r => r.GetProperty("reward").GetDouble())];
        Assert.Equal(rewards.Length, ours.Length);
        Assert.All(
            rewards.Zip(ours), pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, tolerance * (1 + Math.Abs(pair.First))));
    }

    [Fact]
    public void An_adapter_given_as_the_model_is_told_where_it_belongs()
    {
        string adapter = Path.Combine(TestPaths.Golden, "public-cases", "adapter-dora", "adapter");
        using var scratch = new ScratchFolder();
        Btrm.Fail(
            2, ["score", "--model", adapter, "--input", scratch.Write("in.jsonl", "{}"), "--output", scratch["out.jsonl"]],
            "holds an adapter, not a model. Give it with --adapter");
    }
}
