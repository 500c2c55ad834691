namespace Rm.Kernels.Cuda.Driver;

/// <summary>CUfunction_attribute, the ones that launchers and reports read or set.</summary>
internal enum FunctionAttribute
{
    LocalBytes = 3,
    Registers = 4,
    MaxDynamicSharedBytes = 8,
}
