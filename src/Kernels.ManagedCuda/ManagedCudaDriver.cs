using ManagedCuda.BasicTypes;
using Rm.Kernels.Cuda.Driver;
using Api = ManagedCuda.DriverAPINativeMethods;

namespace Rm.Kernels.ManagedCuda;

/// <summary>
/// The driver calls through ManagedCuda's imports, which load libcuda (nvcuda.dll on Windows) by their own rule. Only types change
/// here. What ManagedCuda takes as an array is copied into one that the thread keeps, so that launches still allocate nothing.
/// </summary>
internal sealed unsafe partial class ManagedCudaDriver : ICudaDriver
{
    public string BindingName => "ManagedCuda";

    public CudaResult Init() => (CudaResult)Api.cuInit(CUInitializationFlags.None);

    public CudaResult DriverGetVersion(int* version) => (CudaResult)Api.cuDriverGetVersion(ref *version);

    public CudaResult GetErrorName(CudaResult error, byte** text) =>
        (CudaResult)Api.ErrorHandling.cuGetErrorName((CUResult)error, ref *(nint*)text);

    public CudaResult GetErrorString(CudaResult error, byte** text) =>
        (CudaResult)Api.ErrorHandling.cuGetErrorString((CUResult)error, ref *(nint*)text);

    public CudaResult DeviceGetCount(int* count) => (CudaResult)Api.DeviceManagement.cuDeviceGetCount(ref *count);

    public CudaResult DeviceGet(int* device, int ordinal) =>
        (CudaResult)Api.DeviceManagement.cuDeviceGet(ref *(CUdevice*)device, ordinal);

    public CudaResult DeviceGetName(byte* name, int length, int device)
    {
        byte[] text = new byte[length];
        CUResult result = Api.DeviceManagement.cuDeviceGetName(text, length, Device(device));
        text.CopyTo(new Span<byte>(name, length));
        return (CudaResult)result;
    }

    public CudaResult DeviceGetAttribute(int* value, DeviceAttribute attribute, int device) =>
        (CudaResult)Api.DeviceManagement.cuDeviceGetAttribute(ref *value, (CUDeviceAttribute)attribute, Device(device));

    public CudaResult DeviceTotalMem(nuint* bytes, int device)
    {
        SizeT size = default;
        CUResult result = Api.DeviceManagement.cuDeviceTotalMem_v2(ref size, Device(device));
        *bytes = (nuint)(ulong)size;
        return (CudaResult)result;
    }

    public CudaResult DeviceGetUuid(NativeUuid* uuid, int device)
    {
        CUuuid value = default;
        CUResult result = Api.DeviceManagement.cuDeviceGetUuid_v2(ref value, Device(device));
        if (result == CUResult.Success)
        {
            value.bytes.CopyTo(new Span<byte>(uuid->Bytes, 16));
        }

        return (CudaResult)result;
    }

    public CudaResult PrimaryContextSetFlags(int device, uint flags) =>
        (CudaResult)Api.ContextManagement.cuDevicePrimaryCtxSetFlags(Device(device), (CUCtxFlags)flags);

    public CudaResult PrimaryContextRetain(nint* context, int device) =>
        (CudaResult)Api.ContextManagement.cuDevicePrimaryCtxRetain(ref *(CUcontext*)context, Device(device));

    public CudaResult PrimaryContextRelease(int device) =>
        (CudaResult)Api.ContextManagement.cuDevicePrimaryCtxRelease(Device(device));

    public CudaResult ContextSetCurrent(nint context) =>
        (CudaResult)Api.ContextManagement.cuCtxSetCurrent(new CUcontext { Pointer = context });

    public CudaResult ContextGetCurrent(nint* context) => (CudaResult)Api.ContextManagement.cuCtxGetCurrent(ref *(CUcontext*)context);

    public CudaResult EventCreate(nint* cudaEvent, uint flags) =>
        (CudaResult)Api.Events.cuEventCreate(ref *(CUevent*)cudaEvent, (CUEventFlags)flags);

    public CudaResult EventRecord(nint cudaEvent, nint stream) => (CudaResult)Api.Events.cuEventRecord(Event(cudaEvent), Stream(stream));

    public CudaResult EventSynchronize(nint cudaEvent) => (CudaResult)Api.Events.cuEventSynchronize(Event(cudaEvent));

    public CudaResult EventElapsedTime(float* milliseconds, nint start, nint end) =>
        (CudaResult)Api.Events.cuEventElapsedTime(ref *milliseconds, Event(start), Event(end));

    public CudaResult EventDestroy(nint cudaEvent) => (CudaResult)Api.Events.cuEventDestroy_v2(Event(cudaEvent));

    public CudaResult StreamCreate(nint* stream, uint flags, int priority) =>
        (CudaResult)Api.Streams.cuStreamCreateWithPriority(ref *(CUstream*)stream, (CUStreamFlags)flags, priority);

    public CudaResult StreamDestroy(nint stream) => (CudaResult)Api.Streams.cuStreamDestroy_v2(Stream(stream));

    public CudaResult StreamSynchronize(nint stream) => (CudaResult)Api.Streams.cuStreamSynchronize(Stream(stream));

    public CudaResult StreamWaitEvent(nint stream, nint cudaEvent) =>
        (CudaResult)Api.Streams.cuStreamWaitEvent(Stream(stream), Event(cudaEvent), 0);

    public CudaResult ProfilerStart() => (CudaResult)Api.Profiling.cuProfilerStart();

    public CudaResult ProfilerStop() => (CudaResult)Api.Profiling.cuProfilerStop();

    private static CUdevice Device(int device) => new() { Pointer = device };

    private static CUstream Stream(nint stream) => new() { Pointer = stream };

    private static CUevent Event(nint cudaEvent) => new() { Pointer = cudaEvent };
}
