using System.Text.Json;
using Rm.Training.Loop;

namespace Rm.Host.Reporting;

/// <summary>The instruments of a run, each null when it was not asked for or is not there.</summary>
/// <param name="profiled">Steps for a profiler.</param>
/// <param name="sampler">Sensors of the GPU.</param>
internal sealed class StepInstruments(ProfiledSteps? profiled, GpuSampler? sampler) : IStepInstruments, IDisposable
{
    /// <inheritdoc/>
    public void BeforeStep(int step) => profiled?.BeforeStep(step);

    /// <inheritdoc/>
    public void AfterStep(int step) => profiled?.AfterStep(step);

    /// <inheritdoc/>
    public void WriteFields(Utf8JsonWriter line) => sampler?.WriteFields(line);

    public void Dispose()
    {
        sampler?.Dispose();
        profiled?.Dispose();
    }
}
