using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// Something that lives in a context. It holds a reference to the context, so that the context outlives it however the finaliser orders
/// them, and frees itself with that context current and the thread's own one restored, so that any thread may release it.
/// </summary>
internal abstract unsafe class CudaResourceHandle : SafeHandle
{
    private readonly ContextHandle _context;

    // The driver that made it frees it, on whatever thread that happens.
    private readonly ICudaDriver _api = CudaDriver.Api;

    /// <summary>Takes ownership of <paramref name="value"/>, made in <paramref name="context"/>.</summary>
    protected CudaResourceHandle(ContextHandle context, nint value)
        : base(0, ownsHandle: true)
    {
        _context = context;
        bool added = false;
        context.DangerousAddRef(ref added);
        SetHandle(value);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>The context it lives in.</summary>
    public ContextHandle Context => _context;

    /// <summary>Address of the resource.</summary>
    /// <exception cref="ObjectDisposedException">It was freed.</exception>
    public nint Value
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    /// <summary>The call of <paramref name="api"/> that frees <paramref name="value"/>.</summary>
    protected abstract CudaResult Free(ICudaDriver api, nint value);

    protected sealed override bool ReleaseHandle()
    {
        ICudaDriver api = _api;
        nint previous = 0;
        CudaResult result = api.ContextGetCurrent(&previous);
        bool change = result == CudaResult.Success && previous != _context.Value;
        if (change)
        {
            result = api.ContextSetCurrent(_context.Value);
        }

        if (result == CudaResult.Success)
        {
            result = Free(api, handle);
        }

        if (change)
        {
            _ = api.ContextSetCurrent(previous);
        }

        _context.DangerousRelease();

        // At process exit the driver may be gone before the last finaliser; it has freed everything then.
        return result is CudaResult.Success or CudaResult.Deinitialized;
    }
}
