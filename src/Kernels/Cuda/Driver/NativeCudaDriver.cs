namespace Rm.Kernels.Cuda.Driver;

/// <summary>The default binding: our own imports, bound to whatever library <see cref="CudaLibraries"/> resolves.</summary>
internal sealed unsafe class NativeCudaDriver : ICudaDriver
{
    // CUDA 12.8 gave the call a second version; a driver that lacks it has the first with the same arguments.
    private readonly bool _hasElapsedTimeV2 = CudaLibraries.HasDriverExport("cuEventElapsedTime_v2");

    public string BindingName => "btrm";

    public CudaResult Init() => NativeCuda.cuInit(0);

    public CudaResult DriverGetVersion(int* version) => NativeCuda.cuDriverGetVersion(version);

    public CudaResult GetErrorName(CudaResult error, byte** text) => NativeCuda.cuGetErrorName(error, text);

    public CudaResult GetErrorString(CudaResult error, byte** text) => NativeCuda.cuGetErrorString(error, text);

    public CudaResult DeviceGetCount(int* count) => NativeCuda.cuDeviceGetCount(count);

    public CudaResult DeviceGet(int* device, int ordinal) => NativeCuda.cuDeviceGet(device, ordinal);

    public CudaResult DeviceGetName(byte* name, int length, int device) => NativeCuda.cuDeviceGetName(name, length, device);

    public CudaResult DeviceGetAttribute(int* value, DeviceAttribute attribute, int device) =>
        NativeCuda.cuDeviceGetAttribute(value, attribute, device);

    public CudaResult DeviceTotalMem(nuint* bytes, int device) => NativeCuda.cuDeviceTotalMem(bytes, device);

    public CudaResult DeviceGetUuid(NativeUuid* uuid, int device) => NativeCuda.cuDeviceGetUuid(uuid, device);

    public CudaResult PrimaryContextSetFlags(int device, uint flags) => NativeCuda.cuDevicePrimaryCtxSetFlags(device, flags);

    public CudaResult PrimaryContextRetain(nint* context, int device) => NativeCuda.cuDevicePrimaryCtxRetain(context, device);

    public CudaResult PrimaryContextRelease(int device) => NativeCuda.cuDevicePrimaryCtxRelease(device);

    public CudaResult ContextSetCurrent(nint context) => NativeCuda.cuCtxSetCurrent(context);

    public CudaResult ContextGetCurrent(nint* context) => NativeCuda.cuCtxGetCurrent(context);

    public CudaResult MemGetInfo(nuint* free, nuint* total) => NativeCuda.cuMemGetInfo(free, total);

    public CudaResult MemAlloc(nint* address, nuint bytes) => NativeCuda.cuMemAlloc(address, bytes);

    public CudaResult MemFree(nint address) => NativeCuda.cuMemFree(address);

    public CudaResult MemHostAlloc(nint* address, nuint bytes) => NativeCuda.cuMemHostAlloc(address, bytes, 0);

    public CudaResult MemFreeHost(nint address) => NativeCuda.cuMemFreeHost(address);

    public CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream) =>
        NativeCuda.cuMemcpyHtoDAsync(destination, source, bytes, stream);

    public CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream) =>
        NativeCuda.cuMemcpyDtoHAsync(destination, source, bytes, stream);

    public CudaResult MemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream) =>
        NativeCuda.cuMemcpyDtoDAsync(destination, source, bytes, stream);

    public CudaResult MemsetD8Async(nint destination, byte value, nuint count, nint stream) =>
        NativeCuda.cuMemsetD8Async(destination, value, count, stream);

    public CudaResult MemsetD32Async(nint destination, uint value, nuint count, nint stream) =>
        NativeCuda.cuMemsetD32Async(destination, value, count, stream);

    public CudaResult StreamCreate(nint* stream, uint flags, int priority) =>
        NativeCuda.cuStreamCreateWithPriority(stream, flags, priority);

    public CudaResult StreamDestroy(nint stream) => NativeCuda.cuStreamDestroy(stream);

    public CudaResult StreamSynchronize(nint stream) => NativeCuda.cuStreamSynchronize(stream);

    public CudaResult StreamWaitEvent(nint stream, nint cudaEvent) => NativeCuda.cuStreamWaitEvent(stream, cudaEvent, 0);

    public CudaResult EventCreate(nint* cudaEvent, uint flags) => NativeCuda.cuEventCreate(cudaEvent, flags);

    public CudaResult EventRecord(nint cudaEvent, nint stream) => NativeCuda.cuEventRecord(cudaEvent, stream);

    public CudaResult EventSynchronize(nint cudaEvent) => NativeCuda.cuEventSynchronize(cudaEvent);

    public CudaResult EventElapsedTime(float* milliseconds, nint start, nint end) => _hasElapsedTimeV2
        ? NativeCuda.cuEventElapsedTime_v2(milliseconds, start, end)
        : NativeCuda.cuEventElapsedTime(milliseconds, start, end);

    public CudaResult EventDestroy(nint cudaEvent) => NativeCuda.cuEventDestroy(cudaEvent);

    public CudaResult ModuleLoadData(nint* module, byte* image, int length) => NativeCuda.cuModuleLoadData(module, image);

    public CudaResult ModuleUnload(nint module) => NativeCuda.cuModuleUnload(module);

    public CudaResult ModuleGetFunction(nint* function, nint module, byte* name) =>
        NativeCuda.cuModuleGetFunction(function, module, name);

    public CudaResult FunctionGetAttribute(int* value, FunctionAttribute attribute, nint function) =>
        NativeCuda.cuFuncGetAttribute(value, attribute, function);

    public CudaResult FunctionSetAttribute(nint function, FunctionAttribute attribute, int value) =>
        NativeCuda.cuFuncSetAttribute(function, attribute, value);

    public CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, uint sharedBytes, nint stream, void** parameters, int count) =>
        NativeCuda.cuLaunchKernel(
            function, grid.X, grid.Y, grid.Z, block.X, block.Y, block.Z, sharedBytes, stream, parameters, null);

    public CudaResult LaunchKernelEx(NativeLaunchConfig* config, nint function, void** parameters, int count) =>
        NativeCuda.cuLaunchKernelEx(config, function, parameters, null);

    public CudaResult TensorMapEncodeTiled(NativeTensorMap* map, in TensorMapLayout layout) => layout.Encode(map);

    public CudaResult ProfilerStart() => NativeCuda.cuProfilerStart();

    public CudaResult ProfilerStop() => NativeCuda.cuProfilerStop();
}
