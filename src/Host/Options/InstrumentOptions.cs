using System.CommandLine;
using System.Globalization;
using Rm.Formats;
using Rm.Host.Reporting;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;

namespace Rm.Host.Options;

/// <summary>What watches the steps of a run.</summary>
internal sealed class InstrumentOptions : OptionGroup
{
    private readonly Option<bool>? _trackGpu;
    private readonly Option<string?> _profileSteps;

    /// <summary>The options, those about metrics.jsonl only where a run writes one.</summary>
    public InstrumentOptions(bool withMetrics)
    {
        _trackGpu = withMetrics
            ? AddFlag("--track-gpu",
                "Record the GPU's load, memory, power, temperature and clocks in the metrics (nothing to record on the CPU).")
            : null;
        _profileSteps =
            AddOptional<string>("--profile-steps", "Steps that a profiler records, first and last, counted from 1: 10:12.", "A:B");
    }

    /// <summary>Checks the values before anything takes long.</summary>
    /// <exception cref="UserInputException">The range of steps makes no sense.</exception>
    public void Check(ParseResult result) => Steps(result);

    /// <summary>Starts what was asked for. What the device cannot give is told on stderr, and the run goes on without it.</summary>
    public StepInstruments Start(ParseResult result, IBackend backend)
    {
        (int First, int Last)? steps = Steps(result);
        var gpu = backend as CudaBackend;
        ProfiledSteps? profiled = null;
        if (steps is { } range)
        {
            profiled = gpu is null ? null : new ProfiledSteps(gpu, range.First, range.Last);
            Tell(gpu is null, $"{_profileSteps.Name} marks steps for a GPU's profiler; there is none on {backend.Description}.");
        }

        GpuSampler? sampler = null;
        if (_trackGpu is not null && result.GetValue(_trackGpu))
        {
            string? problem = "the run is not on a GPU";
            GpuMonitor? monitor = gpu is null ? null : GpuMonitor.TryOpen(gpu, out problem);
            sampler = monitor is null ? null : new GpuSampler(monitor.Read, monitor);
            Tell(monitor is null, $"{_trackGpu.Name} has nothing to record: {problem}.");
        }

        return new StepInstruments(profiled, sampler);
    }

    private static void Tell(bool condition, string message)
    {
        if (condition)
        {
            Console.Error.WriteLine(message);
        }
    }

    private (int First, int Last)? Steps(ParseResult result)
    {
        if (result.GetValue(_profileSteps) is not { } text)
        {
            return null;
        }

        int colon = text.IndexOf(':', StringComparison.Ordinal), first = 0, last = 0;
        bool isRange = colon > 0 && Number(text.AsSpan(0, colon), out first) && Number(text.AsSpan(colon + 1), out last);
        Require(isRange && first >= 1 && first <= last, _profileSteps, $"'{text}' is no range of steps such as 10:12");
        return (first, last);
    }

    private static bool Number(ReadOnlySpan<char> text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
