using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>Imports of NVRTC, the run-time compiler of CUDA C++.</summary>
internal static unsafe partial class NativeNvrtc
{
    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcVersion(int* major, int* minor);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial byte* nvrtcGetErrorString(NvrtcResult result);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetNumSupportedArchs(int* count);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcCreateProgram(
        nint* program, byte* source, byte* name, int headerCount, byte** headers, byte** includeNames);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcDestroyProgram(nint* program);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcCompileProgram(nint program, int optionCount, byte** options);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetProgramLogSize(nint program, nuint* size);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetProgramLog(nint program, byte* log);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetCUBINSize(nint program, nuint* size);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetCUBIN(nint program, byte* cubin);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetPTXSize(nint program, nuint* size);

    [LibraryImport(CudaLibraries.Nvrtc)]
    public static partial NvrtcResult nvrtcGetPTX(nint program, byte* ptx);
}
