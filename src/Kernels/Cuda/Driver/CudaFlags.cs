namespace Rm.Kernels.Cuda.Driver;

/// <summary>Flag words of driver calls, by the call that takes them.</summary>
internal static class CudaFlags
{
    /// <summary>CU_CTX_SCHED_BLOCKING_SYNC: waiting threads sleep, so that the loader's threads get the cores.</summary>
    public const uint ContextBlockingSync = 0x4;

    /// <summary>CU_STREAM_NON_BLOCKING: no implicit order with the legacy default stream.</summary>
    public const uint StreamNonBlocking = 0x1;

    /// <summary>CU_EVENT_DEFAULT: keeps a time.</summary>
    public const uint EventTiming = 0x0;

    /// <summary>CU_EVENT_DISABLE_TIMING: order only, cheaper.</summary>
    public const uint EventOrderOnly = 0x2;
}
