namespace Rm.Kernels.Cuda;

/// <content>What measurements ask for.</content>
public sealed partial class CudaBackend
{
    /// <summary>
    /// Most bytes of device memory that this backend held at once: what it asked the driver for, in use or kept for later.
    /// </summary>
    public long PeakAllocatedBytes => Session.Device.PeakAllocatedBytes;

    /// <summary>The card's marketing name.</summary>
    public string DeviceName => Session.Device.Name;

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
