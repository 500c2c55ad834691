using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// A retained primary context. Primary contexts are shared with every other user of the device in the process, and have kept one calling
/// form since CUDA 7, unlike cuCtxCreate.
/// </summary>
internal sealed unsafe class ContextHandle : SafeHandle
{
    [ThreadStatic]
    private static ContextHandle? s_current;

    private readonly int _device;
    private readonly ICudaDriver _api = CudaDriver.Api;

    private ContextHandle(int device)
        : base(0, ownsHandle: true) => _device = device;

    public override bool IsInvalid => handle == 0;

    /// <summary>Address of the context.</summary>
    public nint Value => handle;

    /// <summary>Retains the primary context of <paramref name="device"/> and makes it current on this thread.</summary>
    public static ContextHandle Retain(int device)
    {
        ContextHandle context = new(device);
        nint value;

        // Fails when another library made the context active with its own flags; those then stand.
        _ = CudaDriver.Api.PrimaryContextSetFlags(device, CudaFlags.ContextBlockingSync);
        CudaDriver.Check(CudaDriver.Api.PrimaryContextRetain(&value, device), "cuDevicePrimaryCtxRetain");
        context.SetHandle(value);
        context.Activate();
        return context;
    }

    /// <summary>Makes the context current on the calling thread; nearly free when it is already.</summary>
    public void Activate()
    {
        // Compared by object, not by address: a context that was released and retained again may return to the same address.
        if (s_current != this)
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            CudaDriver.Check(CudaDriver.Api.ContextSetCurrent(handle), "cuCtxSetCurrent");
            s_current = this;
        }
    }

    protected override bool ReleaseHandle()
    {
        if (s_current == this)
        {
            s_current = null;
        }

        CudaResult result = _api.PrimaryContextRelease(_device);
        return result is CudaResult.Success or CudaResult.Deinitialized;
    }
}
