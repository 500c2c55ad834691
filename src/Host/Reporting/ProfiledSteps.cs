using Rm.Kernels.Cuda;

namespace Rm.Host.Reporting;

/// <summary>
/// Brackets a range of steps with the profiler's start and stop, with nothing of other steps still running on the device.
/// </summary>
/// <param name="backend">Device.</param>
/// <param name="first">First step to record, from 1.</param>
/// <param name="last">Last step to record.</param>
internal sealed class ProfiledSteps(CudaBackend backend, int first, int last) : IDisposable
{
    private bool _recording;

    /// <summary>Begins where the step is the first of the range that this run computes: a resumed run may start inside it.</summary>
    public void BeforeStep(int step)
    {
        if (!_recording && step >= first && step <= last)
        {
            backend.StartProfiler();
            _recording = true;
        }
    }

    public void AfterStep(int step)
    {
        if (_recording && step >= last)
        {
            Stop();
        }
    }

    /// <summary>Ends a range that the run did not reach the end of.</summary>
    public void Dispose()
    {
        if (_recording)
        {
            Stop();
        }
    }

    private void Stop()
    {
        _recording = false;
        backend.StopProfiler();
    }
}
