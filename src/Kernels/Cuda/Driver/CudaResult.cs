namespace Rm.Kernels.Cuda.Driver;

/// <summary>CUresult: what a driver call returns. Codes that this enumeration does not name keep their number.</summary>
public enum CudaResult
{
    /// <summary>The call succeeded.</summary>
    Success = 0,

    /// <summary>An argument is outside its range.</summary>
    InvalidValue = 1,

    /// <summary>The device or pinned host memory is used up.</summary>
    OutOfMemory = 2,

    /// <summary>cuInit was not called or failed.</summary>
    NotInitialized = 3,

    /// <summary>The driver is shutting down with the process.</summary>
    Deinitialized = 4,

    /// <summary>The library is the toolkit's link-time stub.</summary>
    StubLibrary = 34,

    /// <summary>The device is held exclusively by another process, or lost.</summary>
    DeviceUnavailable = 46,

    /// <summary>No CUDA device.</summary>
    NoDevice = 100,

    /// <summary>No device of this ordinal.</summary>
    InvalidDevice = 101,

    /// <summary>The kernel image is damaged.</summary>
    InvalidImage = 200,

    /// <summary>No context is current, or it is destroyed.</summary>
    InvalidContext = 201,

    /// <summary>The image holds no code for this architecture.</summary>
    NoBinaryForGpu = 209,

    /// <summary>An uncorrectable memory error.</summary>
    EccUncorrectable = 214,

    /// <summary>PTX did not compile.</summary>
    InvalidPtx = 218,

    /// <summary>The driver's PTX compiler library is missing.</summary>
    JitCompilerNotFound = 221,

    /// <summary>PTX is newer than the driver.</summary>
    UnsupportedPtxVersion = 222,

    /// <summary>The user or administrator has forbidden the driver to compile PTX.</summary>
    JitDisabled = 223,

    /// <summary>The operating system refused.</summary>
    OperatingSystem = 304,

    /// <summary>A handle is not, or no longer, valid.</summary>
    InvalidHandle = 400,

    /// <summary>A name (kernel, global, symbol) is not there.</summary>
    NotFound = 500,

    /// <summary>Work asked about is still under way; not an error.</summary>
    NotReady = 600,

    /// <summary>A kernel touched memory that is not allocated.</summary>
    IllegalAddress = 700,

    /// <summary>The launch asks for more registers, shared memory or threads than there are.</summary>
    LaunchOutOfResources = 701,

    /// <summary>The display watchdog ended a kernel.</summary>
    LaunchTimeout = 702,

    /// <summary>An assert in a kernel fired.</summary>
    Assert = 710,

    /// <summary>A kernel ran an instruction that the device does not know.</summary>
    IllegalInstruction = 715,

    /// <summary>A vector access was not aligned to its size.</summary>
    MisalignedAddress = 716,

    /// <summary>A kernel failed in a way that the driver has no closer name for.</summary>
    LaunchFailed = 719,

    /// <summary>The call is not permitted.</summary>
    NotPermitted = 800,

    /// <summary>The device or driver lacks the feature.</summary>
    NotSupported = 801,

    /// <summary>The fabric or another system service is not up yet.</summary>
    SystemNotReady = 802,

    /// <summary>Kernel-mode and user-mode driver differ in version.</summary>
    SystemDriverMismatch = 803,

    /// <summary>The forward-compatibility package does not support this device.</summary>
    CompatNotSupportedOnDevice = 804,

    /// <summary>Not known to the driver.</summary>
    Unknown = 999,
}
