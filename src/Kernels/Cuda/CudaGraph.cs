using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>Captured work that launches as a whole: one driver call instead of one a kernel.</summary>
internal sealed class CudaGraph : IDisposable
{
    private readonly GraphHandle _handle;

    internal CudaGraph(GraphHandle handle) => _handle = handle;

    /// <summary>Queues the captured work.</summary>
    public void Launch(CudaStream stream)
    {
        stream.Device.Context.Activate();
        CudaDriver.Check(CudaDriver.Api.GraphLaunch(_handle.Value, stream.Value), "cuGraphLaunch");
    }

    public void Dispose() => _handle.Dispose();
}
