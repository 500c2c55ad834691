namespace Rm.Kernels.Cuda.Driver;

/// <summary>CUfunction_attribute, the ones that launchers and reports read or set.</summary>
internal enum FunctionAttribute
{
    MaxThreadsPerBlock = 0,
    StaticSharedBytes = 1,
    LocalBytes = 3,
    Registers = 4,
    BinaryVersion = 6,
    MaxDynamicSharedBytes = 8,
}
