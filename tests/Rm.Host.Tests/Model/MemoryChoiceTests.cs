using Rm.Formats;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;
using Rm.Training.Batching;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

/// <summary>The choice of what is recomputed on devices of several sizes, and the advice where nothing fits.</summary>
[Collection("CUDA device")]
public sealed class MemoryChoiceTests
{
    private static readonly TrainingScope Lora = new(new LoraSettings(4, 32, WeightNames.Modules), TrainsEverything: false);
    private static readonly MicroBatchExtent Extent = MicroBatchExtent.Full(8192, 1024, sharePrefix: true);

    [Theory]
    [InlineData(24, "qwen2.5-0.5b", Recompute.None)]
    [InlineData(24, "qwen2.5-1.5b", Recompute.None)]
    [InlineData(24, "qwen2.5-3b", Recompute.Full)]
    [InlineData(24, "llama3.1-8b", Recompute.Full)]
    [InlineData(8, "qwen2.5-0.5b", Recompute.Selective)]
    [InlineData(8, "qwen2.5-1.5b", Recompute.Full)]
    [InlineData(2, "smollm2-135m", Recompute.Full)]
    public void The_cheapest_mode_that_fits_the_simulated_device_is_chosen(int gigabytes, string shape, Recompute expected)
    {
        MemoryPlan plan = On(gigabytes, shape, Extent, asked: null, out long free);
        Assert.Equal(expected, plan.Recompute);
        Assert.True(plan.Fits(free), $"{plan}");
        Assert.True(plan.Total <= gigabytes * 1_000_000_000L - MemoryPlan.Reserve(free));
        if (expected > Recompute.None)
        {
            Assert.Throws<UserInputException>(() => On(gigabytes, shape, Extent, expected - 1, out _));
        }
    }

    // What the advice says is taken at its word: with it the run is planned, and with a little more it is not.
    [Theory]
    [InlineData(8, "qwen2.5-3b")]
    [InlineData(2, "qwen2.5-0.5b")]
    public void A_refusal_names_the_largest_budget_that_fits(int gigabytes, string shape)
    {
        UserInputException refusal = Assert.Throws<UserInputException>(() => On(gigabytes, shape, Extent, asked: null, out _));
        Assert.Contains("does not fit", refusal.Message, StringComparison.Ordinal);
        int budget = Number(refusal.Message, "--micro-token-budget ");
        Assert.InRange(budget, 1024, 8191);
        Assert.Equal(Recompute.Full, On(gigabytes, shape, Extent.WithBudget(budget), asked: null, out _).Recompute);
        Assert.Throws<UserInputException>(() => On(gigabytes, shape, Extent.WithBudget(budget + 64), asked: null, out _));
    }

    [Fact]
    public void A_refusal_of_a_mode_names_the_mode_that_fits()
    {
        UserInputException refusal = Assert.Throws<UserInputException>(() => On(24, "qwen2.5-3b", Extent, Recompute.None, out _));
        Assert.Contains("--recompute full\n", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("with --recompute none", refusal.Message, StringComparison.Ordinal);
        int budget = Number(refusal.Message, "--micro-token-budget ");
        Assert.Equal(Recompute.None, On(24, "qwen2.5-3b", Extent.WithBudget(budget), Recompute.None, out _).Recompute);
    }

    [Fact]
    public void A_pair_too_long_for_the_device_is_refused_with_a_length_that_fits()
    {
        var longPair = MicroBatchExtent.Full(8192, 60_000, sharePrefix: true);
        UserInputException refusal = Assert.Throws<UserInputException>(() => On(8, "qwen2.5-3b", longPair, asked: null, out _));
        int length = Number(refusal.Message, "--max-seq-len "), budget = Number(refusal.Message, "--micro-token-budget ");
        Assert.Contains("60000 packed tokens", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(Recompute.Full, On(8, "qwen2.5-3b", MicroBatchExtent.Full(budget, 2 * length, true), asked: null, out _).Recompute);
    }

    [Fact]
    public void Weights_that_leave_nothing_are_refused_for_what_they_are()
    {
        UserInputException refusal = Assert.Throws<UserInputException>(() => On(2, "qwen2.5-3b", Extent, asked: null, out _));
        Assert.Contains("smaller model", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("--max-seq-len", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_CPU_plans_in_float32_with_packed_weights()
    {
        var planner = new MemoryPlanner(static () => new CpuDryRun(DType.BF16), ModelShapes.Get("qwen2.5-0.5b"), Lora);
        Assert.Equal(Recompute.None, new MemoryChoice(planner, 32_000_000_000, Extent).Choose(null).Recompute);
        Assert.Equal(Recompute.Full, new MemoryChoice(planner, 8_000_000_000, Extent).Choose(null).Recompute);
        Assert.Throws<UserInputException>(() => new MemoryChoice(planner, 2_000_000_000, Extent).Choose(null));
    }

    [Theory]
    [InlineData("24GB", 24_000_000_000)]
    [InlineData("22.5GiB", 24_159_191_040)]
    [InlineData("512 mib", 536_870_912L)]
    [InlineData("1024", 1024L)]
    [InlineData("GB", null)]
    [InlineData("-1GB", null)]
    [InlineData("1e30GB", null)]
    [InlineData("12 parsecs", null)]
    [InlineData("99999999999999TB", null)]
    public void Sizes_are_read_with_their_units(string text, long? expected) => Assert.Equal(expected, MemoryText.Parse(text));

    private static MemoryPlan On(int gigabytes, string shape, MicroBatchExtent extent, Recompute? asked, out long free)
    {
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        using var memory = new EmulatedMemory();
        memory.SetFree(gigabytes * 1_000_000_000L);
        free = backend.FreeMemory;
        Assert.Equal(gigabytes * 1_000_000_000L, free);
        return new MemoryChoice(new MemoryPlanner(() => backend.DryRun(DType.BF16), ModelShapes.Get(shape), Lora), free, extent)
            .Choose(asked);
    }

    private static int Number(string text, string after)
    {
        int start = text.IndexOf(after, StringComparison.Ordinal);
        Assert.True(start >= 0, text);
        return int.Parse([.. text[(start + after.Length)..].TakeWhile(char.IsDigit)]);
    }
}
