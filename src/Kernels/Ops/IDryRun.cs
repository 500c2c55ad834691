namespace Rm.Kernels.Ops;

/// <summary>
/// A backend that does everything its device's own does but the work: it takes the same calls and asks for the same memory, and there is
/// none. What a training step needs is thus counted by running it, and cannot differ from what the step will ask for.
/// </summary>
public interface IDryRun : IDisposable
{
    /// <summary>The backend. Results are zeros; it belongs to the thread that made it.</summary>
    IBackend Backend { get; }

    /// <summary>Bytes of device memory asked for and not given back, arenas apart.</summary>
    long AllocatedBytes { get; }

    /// <summary>Most of <see cref="AllocatedBytes"/> so far.</summary>
    long PeakAllocatedBytes { get; }

    /// <summary>Bytes of host memory for copies between host and device.</summary>
    long StagingBytes { get; }
}
