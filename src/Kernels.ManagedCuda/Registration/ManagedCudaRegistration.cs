using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Rm.Kernels.ManagedCuda;

/// <summary>Compiled into the executable itself, so that the choice is made before anything in it runs.</summary>
internal static class ManagedCudaRegistration
{
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255:ModuleInitializer", Justification = "The binding must be chosen before the first CUDA call.")]
    internal static void Register() => ManagedCudaBinding.Use();
}
