using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.ManagedCuda;

/// <summary>Makes ManagedCuda the process's driver binding.</summary>
public static class ManagedCudaBinding
{
    /// <summary>Takes ManagedCuda's imports instead of btrm's own; must come before the first CUDA call.</summary>
    public static void Use() => CudaDriver.UseBinding(new ManagedCudaDriver());
}
