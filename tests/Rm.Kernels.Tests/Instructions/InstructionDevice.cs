using System.Runtime.InteropServices;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Instructions;

/// <summary>
/// Launches the kernels of native/emulator/tests/kernels, each of which does one instruction, on a GPU or on the emulator.
/// </summary>
internal sealed unsafe class InstructionDevice : IDisposable
{
    private readonly CudaDevice _device = Cuda.CudaTest.OpenDevice();
    private readonly CudaStream _stream;
    private readonly CudaTransfers _transfers;
    private readonly Dictionary<string, KernelModuleHandle> _modules = [];
    private readonly List<CudaStorage> _storages = [];
    private readonly KernelCompiler? _compiler;

    public InstructionDevice()
    {
        _stream = new CudaStream(_device);
        _transfers = new CudaTransfers(_stream);
        _compiler = CudaLibraries.IsEmulated
            ? null
            : KernelCompiler.TryFind()
                ?? throw new InvalidOperationException("NVRTC is not installed: the instructions cannot be compiled.");
    }

    public int Architecture => _device.Architecture.Number;

    /// <summary>What ran them, for the file.</summary>
    public string Description =>
        $"{_device.Name}, {_device.Architecture}, {(_compiler is null ? "emulated" : $"nvrtc {_compiler.Version}")}";

    /// <summary>Runs one block.</summary>
    /// <param name="unit">File of the kernel, without its extension.</param>
    /// <param name="kernel">Its name.</param>
    /// <param name="blocks">Blocks.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory.</param>
    /// <param name="launch">Launches with the arguments.</param>
    public void Launch(
        string unit, string kernel, int blocks, int threads, int sharedBytes, Action<CudaKernel, CudaStream, LaunchShape> launch)
    {
        if (!_modules.TryGetValue(unit, out KernelModuleHandle? module))
        {
            module = KernelModuleHandle.Load(_device.Context, Image(unit), unit);
            _modules.Add(unit, module);
        }

        CudaKernel loaded = new(module, kernel);
        if (sharedBytes > 48 << 10)
        {
            loaded.AllowSharedMemory(sharedBytes);
        }

        launch(loaded, _stream, new LaunchShape(new Dim3((uint)blocks), new Dim3((uint)threads), sharedBytes));
    }

    /// <summary>Device memory that holds <paramref name="values"/> until this object goes.</summary>
    public Tensor Put<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values);
        CudaStorage storage = new(_device, bytes.Length);
        _storages.Add(storage);
        Tensor tensor = new(storage, 0, DType.F32, new Shape(bytes.Length / 4));
        _transfers.Upload(bytes, tensor);
        return tensor;
    }

    public uint[] Get(Tensor tensor)
    {
        uint[] words = new uint[tensor.Shape.Count];
        _transfers.Download<uint>(tensor, words);
        return words;
    }

    /// <summary>A tensor map of a bfloat16 matrix, as the bulk copies take it.</summary>
    public TensorMapBytes Map(Tensor matrix, int width, int height, int rowBytes, int boxWidth, int boxHeight, int swizzle)
    {
        const int BFloat16 = 9, Rank = 2;
        Assert.True(
            CudaLibraries.TryGetDriverExport("cuTensorMapEncodeTiled", out nint encode), "the driver has no cuTensorMapEncodeTiled");
        ulong* sizes = stackalloc ulong[] { (ulong)width, (ulong)height };
        ulong strides = (ulong)rowBytes;
        uint* box = stackalloc uint[] { (uint)boxWidth, (uint)boxHeight };
        uint* steps = stackalloc uint[] { 1, 1 };
        void* map = NativeMemory.AlignedAlloc((nuint)sizeof(TensorMapBytes), 64);
        try
        {
            int result = ((delegate* unmanaged<void*, int, uint, ulong, ulong*, ulong*, uint*, uint*, int, int, int, int, int>)encode)(
                map, BFloat16, Rank, (ulong)matrix.Address, sizes, &strides, box, steps, 0, swizzle, 0, 0);
            Assert.Equal(0, result);
            return *(TensorMapBytes*)map;
        }
        finally
        {
            NativeMemory.AlignedFree(map);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable owned in _storages.Concat<IDisposable>(_modules.Values))
        {
            owned.Dispose();
        }

        _transfers.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }

    // The emulator has the kernels linked in.
    private byte[] Image(string unit)
    {
        if (_compiler is null)
        {
            return KernelLibrary.LinkedImage.ToArray();
        }

        using StreamReader source = new(typeof(InstructionDevice).Assembly.GetManifestResourceStream($"instructions/{unit}.cu")!);
        KernelSources sources = new(new Dictionary<string, string> { [$"{unit}.cu"] = source.ReadToEnd() }, KernelSources.Embedded.Headers);
        return _compiler.Compile(sources, $"{unit}.cu", _device.Architecture).Image;
    }

    /// <summary>The 128 opaque bytes of a CUtensorMap.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 128)]
    internal readonly struct TensorMapBytes;
}
