using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>A CUDA driver call failed. The message has the call, the code's name and text, and what to do where that is known.</summary>
public sealed class CudaException : Exception
{
    /// <summary>A failure of <paramref name="call"/>.</summary>
    /// <param name="call">Name of the driver call, as the driver exports it without a version.</param>
    /// <param name="result">What it returned.</param>
    /// <param name="detail">What was asked for (sizes, a kernel's name), or null.</param>
    public CudaException(string call, CudaResult result, string? detail = null)
        : base(Compose(call, result, detail))
    {
        Call = call;
        Result = result;
    }

    /// <summary>The driver cannot be used at all: <paramref name="message"/> says why and what to do.</summary>
    internal CudaException(string message, Exception? inner)
        : base(message, inner)
    {
        Call = "cuInit";
        Result = CudaResult.NotInitialized;
    }

    /// <summary>Name of the driver call.</summary>
    public string Call { get; }

    /// <summary>What it returned.</summary>
    public CudaResult Result { get; }

    private static string Compose(string call, CudaResult result, string? detail)
    {
        string message = $"{call} failed with {Name(result)} ({(int)result}){Text(result)}.";
        if (detail is not null)
        {
            message += " " + detail;
        }

        if (IsKernelFault(result) && EmulatorReport.Last() is { } report)
        {
            return message + " The emulator reports: " + report;
        }

        return Advice(result) is { } advice ? message + " " + advice : message;
    }

    private static unsafe string Name(CudaResult result)
    {
        byte* text = null;
        CudaResult status = CudaDriver.Api.GetErrorName(result, &text);
        return status == CudaResult.Success && text != null ? Marshal.PtrToStringUTF8((nint)text)! : result.ToString();
    }

    private static unsafe string Text(CudaResult result)
    {
        byte* text = null;
        CudaResult status = CudaDriver.Api.GetErrorString(result, &text);
        return status == CudaResult.Success && text != null ? ": " + Marshal.PtrToStringUTF8((nint)text) : "";
    }

    private static bool IsKernelFault(CudaResult result) => result is CudaResult.IllegalAddress or CudaResult.LaunchFailed
        or CudaResult.MisalignedAddress or CudaResult.IllegalInstruction or CudaResult.Assert;

    private static string? Advice(CudaResult result) => result switch
    {
        CudaResult.OutOfMemory =>
            "Lower --micro-token-budget, close other programs that use the GPU (nvidia-smi lists them), or take a larger GPU.",
        CudaResult.StubLibrary => "The toolkit's stub libcuda.so.1 shadows the driver's: take its folder out of LD_LIBRARY_PATH.",
        CudaResult.NoDevice =>
            "Check nvidia-smi, CUDA_VISIBLE_DEVICES and, in a container, that it was started with its GPUs; or run with --device cpu.",
        CudaResult.InvalidDevice => "`btrm doctor` lists the devices; CUDA_VISIBLE_DEVICES renumbers them.",
        CudaResult.DeviceUnavailable => "Another process holds the GPU exclusively (nvidia-smi -q -d COMPUTE), or it needs a reset.",
        CudaResult.NoBinaryForGpu or CudaResult.InvalidImage =>
            "The kernel image has no code for this GPU's architecture: install NVRTC 12 or newer, so that btrm compiles its kernels here, "
            + "or rebuild btrm with a CUDA toolkit that knows it.",
        CudaResult.UnsupportedPtxVersion or CudaResult.InvalidPtx =>
            "The installed driver is older than the compiler that made the kernels: update the driver or use an older NVRTC.",
        CudaResult.SystemDriverMismatch => "The driver was updated under a running system: reboot, or reload the nvidia kernel module.",
        CudaResult.CompatNotSupportedOnDevice =>
            "Take the CUDA forward-compatibility folder out of LD_LIBRARY_PATH: this GPU does not support it.",
        CudaResult.SystemNotReady => "The GPU fabric is not up: start nvidia-fabricmanager.",
        _ when IsKernelFault(result) =>
            "A kernel is wrong; the process's GPU state is lost. CUDA_LAUNCH_BLOCKING=1 and compute-sanitizer name the "
            + "kernel; please report it.",
        CudaResult.EccUncorrectable => "The GPU's memory has an uncorrectable error: reset or replace it.",
        _ => null,
    };
}
