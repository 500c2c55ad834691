using ManagedCuda.BasicTypes;
using Rm.Kernels.Cuda.Driver;
using Api = ManagedCuda.DriverAPINativeMethods;

namespace Rm.Kernels.ManagedCuda;

/// <summary>Memory and copies.</summary>
internal sealed unsafe partial class ManagedCudaDriver
{
    public CudaResult MemGetInfo(nuint* free, nuint* total)
    {
        SizeT freeSize = default, totalSize = default;
        CUResult result = Api.MemoryManagement.cuMemGetInfo_v2(ref freeSize, ref totalSize);
        *free = (nuint)(ulong)freeSize;
        *total = (nuint)(ulong)totalSize;
        return (CudaResult)result;
    }

    public CudaResult MemAlloc(nint* address, nuint bytes) =>
        (CudaResult)Api.MemoryManagement.cuMemAlloc_v2(ref *(CUdeviceptr*)address, Size(bytes));

    public CudaResult MemFree(nint address) => (CudaResult)Api.MemoryManagement.cuMemFree_v2(Pointer(address));

    public CudaResult MemHostAlloc(nint* address, nuint bytes) =>
        (CudaResult)Api.MemoryManagement.cuMemHostAlloc(ref *address, Size(bytes), CUMemHostAllocFlags.None);

    public CudaResult MemFreeHost(nint address) => (CudaResult)Api.MemoryManagement.cuMemFreeHost(address);

    public CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream) =>
        (CudaResult)Api.AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(Pointer(destination), (nint)source, Size(bytes), Stream(stream));

    public CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream) =>
        (CudaResult)Api.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2((nint)destination, Pointer(source), Size(bytes), Stream(stream));

    public CudaResult MemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream) =>
        (CudaResult)Api.AsynchronousMemcpy_v2.cuMemcpyDtoDAsync_v2(Pointer(destination), Pointer(source), Size(bytes), Stream(stream));

    public CudaResult MemsetD8Async(nint destination, byte value, nuint count, nint stream) =>
        (CudaResult)Api.MemsetAsync.cuMemsetD8Async(Pointer(destination), value, Size(count), Stream(stream));

    public CudaResult MemsetD32Async(nint destination, uint value, nuint count, nint stream) =>
        (CudaResult)Api.MemsetAsync.cuMemsetD32Async(Pointer(destination), value, Size(count), Stream(stream));

    private static CUdeviceptr Pointer(nint address) => new() { Pointer = Size((nuint)address) };

    private static SizeT Size(nuint value) => new((ulong)value);
}
