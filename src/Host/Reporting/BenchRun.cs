using System.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Kernels.Checks;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Reporting;

/// <summary>The steps of a benchmark: those that warm up, those that are timed, and those in which every operation is.</summary>
/// <param name="model">Model, opened for training.</param>
/// <param name="options">Settings; Steps are the timed ones.</param>
/// <param name="pairs">Pairs of all steps.</param>
/// <param name="instruments">Watch the steps; those that warm up count too.</param>
internal sealed class BenchRun(RewardModel model, TrainingOptions options, IReadOnlyList<PreferencePair> pairs, StepInstruments instruments)
{
    private readonly BatchPlanner _planner = new(pairs, options.BatchSize, options.Order, options.Seed);
    private readonly StepRunner _runner = new(model, options);

    /// <summary>Runs and measures.</summary>
    /// <param name="setup">Goes into the report.</param>
    /// <param name="device">The device itself.</param>
    /// <param name="timer">Times operations in steps of their own, or null for none.</param>
    public BenchReport Measure(BenchSetup setup, IBackend device, OperationTimer? timer)
    {
        // From the process's start to the first step's begin.
        double startup = (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalSeconds;
        var steps = new List<BenchStep>();
        for (int step = 0; step < setup.Warmup + options.Steps; step++)
        {
            BenchStep measured = Run(step, device);
            if (step >= setup.Warmup)
            {
                steps.Add(measured);
            }
        }

        // Before the events of a breakdown and whatever else it takes.
        long host = Process.GetCurrentProcess().PeakWorkingSet64;
        long? memory = (device as CudaBackend)?.PeakAllocatedBytes;
        double seconds = 0;
        if (timer is not null)
        {
            timer.IsOn = true;
            for (int step = setup.Warmup; step < setup.Warmup + options.Steps; step++)
            {
                seconds += Run(step, device).Seconds;
            }
        }

        return new BenchReport(setup, steps, startup, host, memory, timer?.Read(), seconds);
    }

    private BenchStep Run(int step, IBackend device)
    {
        IReadOnlyList<PreferencePair> batch = _planner.BatchAt(step);
        instruments.BeforeStep(step + 1);
        long start = Stopwatch.GetTimestamp();
        StepResult result = _runner.Run(step, batch);

        // The update may still be queued.
        device.Synchronize();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        instruments.AfterStep(step + 1);
        return new BenchStep(
            seconds, result.Tokens, result.PackedTokens,
            StepFlops.Of(model.Config, batch, options.SharePrefix, model.Scope.TrainsEverything));
    }
}
