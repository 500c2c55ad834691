using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>Imports of the CUDA driver API by their exported (versioned) names, which CUDA 12 and 13 drivers share.</summary>
internal static unsafe partial class NativeCuda
{
    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuInit(uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuDriverGetVersion(int* version);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuGetErrorName(CudaResult error, byte** text);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuGetErrorString(CudaResult error, byte** text);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuDeviceGetCount(int* count);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuDeviceGet(int* device, int ordinal);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuDeviceGetAttribute(int* value, DeviceAttribute attribute, int device);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuDeviceTotalMem_v2")]
    public static partial CudaResult cuDeviceTotalMem(nuint* bytes, int device);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuDeviceGetUuid_v2")]
    public static partial CudaResult cuDeviceGetUuid(NativeUuid* uuid, int device);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuDevicePrimaryCtxSetFlags_v2")]
    public static partial CudaResult cuDevicePrimaryCtxSetFlags(int device, uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuDevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    public static partial CudaResult cuDevicePrimaryCtxRelease(int device);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuCtxSetCurrent(nint context);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuCtxGetCurrent(nint* context);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuMemGetInfo_v2")]
    public static partial CudaResult cuMemGetInfo(nuint* free, nuint* total);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuMemAlloc_v2")]
    public static partial CudaResult cuMemAlloc(nint* address, nuint bytes);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuMemFree_v2")]
    public static partial CudaResult cuMemFree(nint address);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuMemHostAlloc(nint* address, nuint bytes, uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuMemFreeHost(nint address);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    public static partial CudaResult cuMemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuMemcpyDtoHAsync_v2")]
    public static partial CudaResult cuMemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuMemcpyDtoDAsync_v2")]
    public static partial CudaResult cuMemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuMemsetD8Async(nint destination, byte value, nuint count, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuMemsetD32Async(nint destination, uint value, nuint count, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuStreamCreateWithPriority(nint* stream, uint flags, int priority);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuStreamDestroy_v2")]
    public static partial CudaResult cuStreamDestroy(nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuStreamSynchronize(nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuStreamWaitEvent(nint stream, nint cudaEvent, uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuEventCreate(nint* cudaEvent, uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuEventRecord(nint cudaEvent, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuEventSynchronize(nint cudaEvent);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuEventElapsedTime(float* milliseconds, nint start, nint end);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuEventElapsedTime_v2(float* milliseconds, nint start, nint end);

    [LibraryImport(CudaLibraries.Driver, EntryPoint = "cuEventDestroy_v2")]
    public static partial CudaResult cuEventDestroy(nint cudaEvent);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuModuleLoadData(nint* module, void* image);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuModuleUnload(nint module);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuModuleGetFunction(nint* function, nint module, byte* name);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuFuncGetAttribute(int* value, FunctionAttribute attribute, nint function);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuFuncSetAttribute(nint function, FunctionAttribute attribute, int value);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream,
        void** parameters, void** extra);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuLaunchKernelEx(NativeLaunchConfig* config, nint function, void** parameters, void** extra);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuTensorMapEncodeTiled(
        NativeTensorMap* map, int type, uint rank, nint address, ulong* sizes, ulong* strides, uint* box, uint* steps, int interleave,
        int swizzle, int promotion, int fill);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuProfilerStart();

    [LibraryImport(CudaLibraries.Driver)]
    public static partial CudaResult cuProfilerStop();
}
