using System.Text.Json;

namespace Rm.Training.Loop;

/// <summary>What watches the steps of a run: a profiler, the GPU's sensors. Never part of the computation.</summary>
public interface IStepInstruments
{
    /// <summary>Called before update number <paramref name="step"/>, from 1.</summary>
    void BeforeStep(int step);

    /// <summary>Called after update number <paramref name="step"/>.</summary>
    void AfterStep(int step);

    /// <summary>Adds what was seen since the last call to a line of metrics.</summary>
    void WriteFields(Utf8JsonWriter line);
}
