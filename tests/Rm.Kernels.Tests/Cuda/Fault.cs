using Rm.Kernels.Cuda;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>A kernel that writes where no memory is: after it no call of the process succeeds, on a GPU or on the emulator.</summary>
internal static class Fault
{
    // Never closed: the emulator's fault would go with the last handle of the context, a GPU's does not.
    private static CudaSession? s_session;

    /// <exception cref="Kernels.Cuda.Driver.CudaException">Always: an illegal address.</exception>
    public static void Cause()
    {
        s_session ??= new CudaSession(ordinal: 0);
        s_session.Kernels.Get("fill_forward_f32").Launch(s_session.Stream, new LaunchShape(new(1), new(256)), (nint)0x1000, 1.0f, 4, 4);
        s_session.Stream.Synchronize();
        throw new InvalidOperationException("The planted fault was not noticed.");
    }
}
