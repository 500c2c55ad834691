namespace Rm.Kernels.Cuda.Driver;

/// <summary>nvrtcResult: the codes that are told apart; others keep their number.</summary>
internal enum NvrtcResult
{
    Success = 0,
    OutOfMemory = 1,
    InvalidOption = 5,
    Compilation = 6,
    BuiltinOperationFailure = 7,
}
