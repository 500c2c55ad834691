using Rm.Kernels.Cuda;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>A kernel that writes where no memory is: after it no call of the process succeeds on a GPU.</summary>
internal static class Fault
{
    /// <exception cref="Kernels.Cuda.Driver.CudaException">Always: an illegal address.</exception>
    public static void Cause()
    {
        using CudaSession session = new(ordinal: 0);
        session.Kernels.Get("fill_forward_f32").Launch(session.Stream, new LaunchShape(new(1), new(256)), (nint)0x1000, 1.0f, 4, 4);
        session.Stream.Synchronize();
        throw new InvalidOperationException("The planted fault was not noticed.");
    }
}
