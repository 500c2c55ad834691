using System.Text.Json;

namespace Rm.Host.Tests.EndToEnd;

/// <summary><c>btrm plan</c>, and memory as <c>train</c> plans it on the CPU.</summary>
public sealed class PlanCommandTests
{
    [Fact]
    public void A_table_shows_every_mode_and_whether_it_fits()
    {
        CommandResult result = Btrm.Succeed("plan", "--shape", "qwen2.5-3b", "--memory", "24GB");
        string[] lines = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(5, lines.Length);
        Assert.StartsWith("none", lines[2], StringComparison.Ordinal);
        Assert.EndsWith("does not fit", lines[3], StringComparison.Ordinal);
        Assert.EndsWith("  fits", lines[4], StringComparison.Ordinal);
    }

    [Fact]
    public void What_fits_nowhere_is_refused_with_what_would()
    {
        CommandResult result =
            Btrm.Fail(2, ["plan", "--shape", "qwen2.5-3b", "--memory", "8GB", "--json"], "does not fit", "--micro-token-budget 5");
        JsonElement plans = JsonDocument.Parse(result.Output).RootElement.GetProperty("plans");
        Assert.Equal(["none", "selective", "full"], plans.EnumerateArray().Select(p => p.GetProperty("recompute").GetString()));
        Assert.All(plans.EnumerateArray(), p => Assert.False(p.GetProperty("fits").GetBoolean()));
        Assert.All(plans.EnumerateArray(), p => Assert.Equal(
            p.GetProperty("total_bytes").GetInt64(),
            new[] { "weights_bytes", "optimizer_bytes", "kept_bytes", "work_bytes", "buffer_bytes" }.Sum(
                name => p.GetProperty(name).GetInt64())));
    }

    [Theory]
    [InlineData("--memory", "much", "is no size")]
    [InlineData("--micro-token-budget", "2000000000", "at most 4194304")]
    [InlineData("--pair-tokens", "1", "--pair-tokens must be at least 2")]
    [InlineData("--device", "tpu", "cannot be planned for")]
    public void Bad_values_are_named(string option, string value, string message) =>
        Btrm.Fail(2, ["plan", "--shape", "tiny", option, value], message);

    [Fact]
    public void Training_on_the_CPU_keeps_to_the_memory_it_may_plan_with()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Fail(2, [.. run.Arguments("out"), "--memory", "200MB"], "does not fit", "in reserve");
        Assert.False(File.Exists(Path.Combine(scratch["out"], "run.json")));
        CommandResult result = Btrm.Succeed([.. run.Arguments("out", steps: 1), "--memory", "1GB", "--recompute", "selective"]);
        Assert.Contains("memory plan: recompute selective,", result.Error, StringComparison.Ordinal);
    }
}
