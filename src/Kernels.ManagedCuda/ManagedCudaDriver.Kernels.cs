using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;
using Rm.Kernels.Cuda.Driver;
using Api = ManagedCuda.DriverAPINativeMethods;

namespace Rm.Kernels.ManagedCuda;

/// <summary>Modules, launches and graphs.</summary>
internal sealed unsafe partial class ManagedCudaDriver
{
    // The driver reads as many pointers as the kernel has parameters; our launches have six at most.
    private const int MaxParameters = 6;

    [ThreadStatic]
    private static nint[]? s_parameters;

    public CudaResult ModuleLoadData(nint* module, byte* image, int length) =>
        (CudaResult)Api.ModuleManagement.cuModuleLoadData(ref *(CUmodule*)module, new ReadOnlySpan<byte>(image, length).ToArray());

    public CudaResult ModuleUnload(nint module) =>
        (CudaResult)Api.ModuleManagement.cuModuleUnload(new CUmodule { Pointer = module });

    public CudaResult ModuleGetFunction(nint* function, nint module, byte* name) =>
        (CudaResult)Api.ModuleManagement.cuModuleGetFunction(
            ref *(CUfunction*)function, new CUmodule { Pointer = module }, Marshal.PtrToStringUTF8((nint)name)!);

    public CudaResult FunctionGetAttribute(int* value, FunctionAttribute attribute, nint function) =>
        (CudaResult)Api.FunctionManagement.cuFuncGetAttribute(ref *value, (CUFunctionAttribute)attribute, Function(function));

    public CudaResult FunctionSetAttribute(nint function, FunctionAttribute attribute, int value) =>
        (CudaResult)Api.FunctionManagement.cuFuncSetAttribute(Function(function), (CUFunctionAttribute)attribute, value);

    public CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, uint sharedBytes, nint stream, void** parameters, int count) =>
        (CudaResult)Api.Launch.cuLaunchKernel(
            Function(function), grid.X, grid.Y, grid.Z, block.X, block.Y, block.Z, sharedBytes, Stream(stream),
            Parameters(parameters, count), null!);

    public CudaResult LaunchKernelEx(NativeLaunchConfig* config, nint function, void** parameters, int count)
    {
        CUlaunchAttribute[] attributes = new CUlaunchAttribute[config->AttributeCount];
        for (int i = 0; i < attributes.Length; i++)
        {
            NativeLaunchAttribute* attribute = config->Attributes + i;
            attributes[i].id = (CUlaunchAttributeID)attribute->Id;

            // The union's member is private, and it begins where the union does.
            Unsafe.As<CUlaunchAttributeValue, CUlaunchAttributeValue.ClusterDim>(ref attributes[i].value) = new()
            {
                x = attribute->ClusterX,
                y = attribute->ClusterY,
                z = attribute->ClusterZ,
            };
        }

        CUlaunchConfig managed = new()
        {
            gridDimX = config->GridX,
            gridDimY = config->GridY,
            gridDimZ = config->GridZ,
            blockDimX = config->BlockX,
            blockDimY = config->BlockY,
            blockDimZ = config->BlockZ,
            sharedMemBytes = config->SharedBytes,
            hStream = Stream(config->Stream),
            attrs = attributes,
        };
        return (CudaResult)Api.Launch.cuLaunchKernelEx(ref managed, Function(function), Parameters(parameters, count), null!);
    }

    // By btrm's own import: it computes 128 bytes from numbers and touches neither context nor device.
    public CudaResult TensorMapEncodeTiled(NativeTensorMap* map, in TensorMapLayout layout) => layout.Encode(map);

    private static CUfunction Function(nint function) => new() { Pointer = function };

    private static nint[] Parameters(void** parameters, int count)
    {
        nint[] copy = s_parameters ??= new nint[MaxParameters];
        new ReadOnlySpan<nint>(parameters, count).CopyTo(copy);
        return copy;
    }
}
