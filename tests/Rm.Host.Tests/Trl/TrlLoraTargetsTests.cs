using Rm.Formats;
using Rm.Host.Trl;
using Rm.Training.Artifacts;
using Rm.Training.Model;

namespace Rm.Host.Tests.Trl;

/// <summary>lora_target_modules as TRL hands it to PEFT: names, one pattern, all-linear, or the family's default.</summary>
public sealed class TrlLoraTargetsTests
{
    private static readonly ModelConfig Config = ModelSource.Open(TrlRun.Model).Config;

    [Theory]
    [InlineData("", "q_proj,v_proj")]
    [InlineData("all-linear", "all-linear")]
    [InlineData("down_proj", "down_proj")]
    [InlineData("q_proj up_proj", "q_proj,up_proj")]
    [InlineData(@".*\.(q|k|v|o)_proj", "q_proj,k_proj,v_proj,o_proj")]
    [InlineData(@"model\.layers\.\d+\.mlp\..*", "gate_proj,up_proj,down_proj")]
    public void Modules_are_found(string words, string expected) => Assert.Equal(expected, TrlLoraTargets.Resolve(Split(words), Config));

    [Theory]
    [InlineData(@".*\.[01]\..*q_proj", "matches q_proj in 2 of 6 layers")]
    [InlineData("query", "'query' is no module, and as a pattern it matches none, such as model.layers.0.self_attn.q_proj")]
    [InlineData("(", "matches none")]
    [InlineData("q_pro", "Known: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, all-linear")]
    public void What_matches_nothing_or_some_layers_is_said(string words, string message) =>
        Assert.Contains(message, Assert.Throws<UserInputException>(() => TrlLoraTargets.Resolve(Split(words), Config)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_family_without_a_default_of_PEFTs_needs_names()
    {
        ModelConfig granite = Config with { Family = Config.Family with { ModelType = "granite" } };
        Assert.Contains("PEFT has no default for granite",
            Assert.Throws<UserInputException>(() => TrlLoraTargets.Resolve([], granite)).Message, StringComparison.Ordinal);
    }

    private static string[] Split(string words) => words.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
