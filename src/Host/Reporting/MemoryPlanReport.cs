using System.Globalization;
using System.Text.Json;
using Rm.Training.Batching;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Reporting;

/// <summary>Memory plans for people and for run.json.</summary>
internal static class MemoryPlanReport
{
    /// <summary>A table of one plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="free">Bytes that are free.</param>
    /// <param name="chosen">Whether the mode was chosen here, not asked for.</param>
    /// <param name="output">Where to.</param>
    public static void Write(MemoryPlan plan, long free, bool chosen, TextWriter output)
    {
        MicroBatchExtent extent = plan.Extent;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"memory plan: recompute {plan.Recompute.Name()}{(chosen ? " (auto: the cheapest that fits)" : "")}, "
            + $"at most {extent.Tokens} packed tokens and {extent.Pairs} pairs at once, longest pair {extent.LongestPair}"));
        foreach ((string name, long bytes, string note) in Rows(plan))
        {
            output.WriteLine($"  {name,-12} {MemoryText.Size(bytes),10}  {note}".TrimEnd());
        }

        output.WriteLine($"  {"total",-12} {MemoryText.Size(plan.Total),10}  of {MemoryText.Size(free)} free, "
            + $"{MemoryText.Size(MemoryPlan.Reserve(free))} in reserve");
    }

    /// <summary>A table of several plans, one a line.</summary>
    public static void WriteTable(IReadOnlyList<MemoryPlan> plans, long? free, TextWriter output)
    {
        output.WriteLine(
            $"{"recompute",-10} {"weights",11} {"optimizer",11} {"kept",11} {"per layer",11} {"work",11} {"buffers",11} {"total",11}");
        foreach (MemoryPlan plan in plans)
        {
            long[] columns =
            [
                plan.Weights, plan.Optimizer, plan.Kept, plan.Activations.PerLayer, plan.Work,
                Math.Max(plan.Buffers, plan.Total - Sum(plan)), plan.Total,
            ];
            output.WriteLine(
                $"{plan.Recompute.Name(),-10} {string.Join(' ', columns.Select(c => $"{MemoryText.Size(c),11}"))}"
                + (free is { } bytes ? plan.Fits(bytes) ? "  fits" : "  does not fit" : ""));
        }
    }

    /// <summary>A plan as an object.</summary>
    public static void WriteJson(MemoryPlan plan, long? free, Utf8JsonWriter w)
    {
        w.WriteStartObject();
        w.WriteString("recompute", plan.Recompute.Name());
        w.WriteNumber("tokens", plan.Extent.Tokens);
        w.WriteNumber("pairs", plan.Extent.Pairs);
        w.WriteNumber("longest_pair", plan.Extent.LongestPair);
        w.WriteNumber("weights_bytes", plan.Weights);
        w.WriteNumber("optimizer_bytes", plan.Optimizer);
        w.WriteNumber("kept_bytes", plan.Kept);
        w.WriteNumber("kept_bytes_per_layer", plan.Activations.PerLayer);
        w.WriteNumber("work_bytes", plan.Work);
        w.WriteNumber("buffer_bytes", plan.Buffers);
        w.WriteNumber("loading_bytes", plan.Loading);
        w.WriteNumber("host_staging_bytes", plan.Staging);
        w.WriteNumber("total_bytes", plan.Total);
        if (free is { } bytes)
        {
            w.WriteNumber("free_bytes", bytes);
            w.WriteNumber("reserve_bytes", MemoryPlan.Reserve(bytes));
            w.WriteBoolean("fits", plan.Fits(bytes));
        }

        w.WriteEndObject();
    }

    private static long Sum(MemoryPlan plan) => plan.Weights + plan.Optimizer + plan.Activations.Peak;

    private static IEnumerable<(string Name, long Bytes, string Note)> Rows(MemoryPlan plan)
    {
        yield return ("weights", plan.Weights, "");
        yield return ("optimizer", plan.Optimizer, "trained values, gradients, two moments, float32");
        yield return ("kept", plan.Kept, plan.Recompute == Recompute.Full
            ? "inputs of the layers, kept for backward"
            : $"activations kept for backward, {MemoryText.Size(plan.Activations.PerLayer)} a layer besides its input");
        yield return ("work", plan.Work, "while a layer computes");
        yield return ("buffers", plan.Buffers, "layouts, lists, partial sums");
        if (plan.Loading == plan.Total)
        {
            yield return ("loading", plan.Loading, "while weights are packed, more than training takes");
        }

        if (plan.Staging > 0)
        {
            yield return ("host", plan.Staging, "pinned, for copies; not part of the total");
        }
    }
}
