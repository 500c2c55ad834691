namespace Rm.Kernels.Cuda.Driver;

/// <summary>cublasStatus_t: what a cuBLASLt call returns. Codes that this enumeration does not name keep their number.</summary>
public enum CublasStatus
{
    /// <summary>The call succeeded.</summary>
    Success = 0,

    /// <summary>The library could not be initialised: no GPU, no context, or a driver that is too old for it.</summary>
    NotInitialized = 1,

    /// <summary>Host or device memory is used up.</summary>
    AllocFailed = 3,

    /// <summary>An argument is outside its range.</summary>
    InvalidValue = 7,

    /// <summary>The GPU lacks something that the call needs.</summary>
    ArchMismatch = 8,

    /// <summary>Device memory could not be accessed.</summary>
    MappingError = 11,

    /// <summary>The GPU reported a failure.</summary>
    ExecutionFailed = 13,

    /// <summary>The library itself failed.</summary>
    InternalError = 14,

    /// <summary>The library has no algorithm for what was asked.</summary>
    NotSupported = 15,

    /// <summary>A licence check failed.</summary>
    LicenseError = 16,
}
