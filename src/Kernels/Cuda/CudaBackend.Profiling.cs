namespace Rm.Kernels.Cuda;

/// <content>The range that a profiler records.</content>
public sealed partial class CudaBackend
{
    /// <summary>
    /// Waits for the device, then begins the range that a profiler records when it was told to wait for one
    /// (nsys --capture-range=cudaProfilerApi, ncu --profile-from-start off).
    /// </summary>
    public void StartProfiler()
    {
        Synchronize();
        Session.Device.StartProfiler();
    }

    /// <summary>Waits for the device, then ends the range that <see cref="StartProfiler"/> began.</summary>
    public void StopProfiler()
    {
        Synchronize();
        Session.Device.StopProfiler();
    }
}
