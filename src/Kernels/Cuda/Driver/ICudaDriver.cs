namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// The driver calls that btrm makes, one method each, named as the driver names them without the prefix. Handles are addresses, devices
/// ordinals, device pointers addresses. Everything above is written against it, so that another binding (src/Kernels.ManagedCuda) fits in
/// without a second copy of anything. A plain interface: a launch through it allocates nothing and costs one indirect call.
/// Implementations never throw for what a driver call returns.
/// </summary>
internal unsafe interface ICudaDriver
{
    /// <summary>For reports: which binding this is.</summary>
    string BindingName { get; }

    CudaResult Init();

    CudaResult DriverGetVersion(int* version);

    CudaResult GetErrorName(CudaResult error, byte** text);

    CudaResult GetErrorString(CudaResult error, byte** text);

    CudaResult DeviceGetCount(int* count);

    CudaResult DeviceGet(int* device, int ordinal);

    CudaResult DeviceGetName(byte* name, int length, int device);

    CudaResult DeviceGetAttribute(int* value, DeviceAttribute attribute, int device);

    CudaResult DeviceTotalMem(nuint* bytes, int device);

    CudaResult DeviceGetUuid(NativeUuid* uuid, int device);

    CudaResult PrimaryContextSetFlags(int device, uint flags);

    CudaResult PrimaryContextRetain(nint* context, int device);

    CudaResult PrimaryContextRelease(int device);

    CudaResult ContextSetCurrent(nint context);

    CudaResult ContextGetCurrent(nint* context);

    CudaResult MemGetInfo(nuint* free, nuint* total);

    CudaResult MemAlloc(nint* address, nuint bytes);

    CudaResult MemFree(nint address);

    CudaResult MemHostAlloc(nint* address, nuint bytes);

    CudaResult MemFreeHost(nint address);

    CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream);

    CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream);

    CudaResult MemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream);

    CudaResult MemsetD8Async(nint destination, byte value, nuint count, nint stream);

    CudaResult MemsetD32Async(nint destination, uint value, nuint count, nint stream);

    CudaResult StreamCreate(nint* stream, uint flags, int priority);

    CudaResult StreamDestroy(nint stream);

    CudaResult StreamSynchronize(nint stream);

    CudaResult StreamWaitEvent(nint stream, nint cudaEvent);

    CudaResult EventCreate(nint* cudaEvent, uint flags);

    CudaResult EventRecord(nint cudaEvent, nint stream);

    CudaResult EventSynchronize(nint cudaEvent);

    CudaResult EventElapsedTime(float* milliseconds, nint start, nint end);

    CudaResult EventDestroy(nint cudaEvent);

    CudaResult ModuleLoadData(nint* module, byte* image, int length);

    CudaResult ModuleUnload(nint module);

    CudaResult ModuleGetFunction(nint* function, nint module, byte* name);

    CudaResult FunctionGetAttribute(int* value, FunctionAttribute attribute, nint function);

    CudaResult FunctionSetAttribute(nint function, FunctionAttribute attribute, int value);

    CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, uint sharedBytes, nint stream, void** parameters, int count);

    CudaResult LaunchKernelEx(NativeLaunchConfig* config, nint function, void** parameters, int count);

    CudaResult TensorMapEncodeTiled(NativeTensorMap* map, in TensorMapLayout layout);

    CudaResult ProfilerStart();

    CudaResult ProfilerStop();
}
