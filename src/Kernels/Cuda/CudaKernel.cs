using System.Diagnostics.CodeAnalysis;
using System.Text;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>
/// A kernel of a loaded module. Launching is typed by the arguments, which must be exactly the kernel's parameters in type and order
/// (a test compares them with the source); they are copied by the driver during the call, so their place on the stack suffices.
/// Kernels with more than six parameters take one struct.
/// </summary>
internal sealed unsafe class CudaKernel
{
    private readonly KernelModuleHandle _module;
    private readonly nint _function;

    /// <summary>Finds <paramref name="name"/> in <paramref name="module"/>.</summary>
    /// <exception cref="CudaException">The module has no such kernel.</exception>
    public CudaKernel(KernelModuleHandle module, string name)
    {
        _module = module;
        Name = name;
        module.Context.Activate();
        nint function;
        CudaResult result;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + "\0"))
        {
            result = CudaDriver.Api.ModuleGetFunction(&function, module.Value, text);
        }

        if (result != CudaResult.Success)
        {
            throw new CudaException("cuModuleGetFunction", result, $"The kernel asked for is {name}.");
        }

        _function = function;
    }

    public string Name { get; }

    /// <summary>CUfunction.</summary>
    public nint Function => _function;

    /// <summary>Registers of a thread.</summary>
    public int Registers => Attribute(FunctionAttribute.Registers);

    /// <summary>Local memory of a thread in bytes: spilled registers and indexed arrays.</summary>
    public int LocalBytes => Attribute(FunctionAttribute.LocalBytes);

    /// <summary>Allows launches with up to <paramref name="bytes"/> of dynamic shared memory; needed above 48 KB.</summary>
    public void AllowSharedMemory(int bytes)
    {
        _module.Context.Activate();
        CudaResult result = CudaDriver.Api.FunctionSetAttribute(_function, FunctionAttribute.MaxDynamicSharedBytes, bytes);
        if (result != CudaResult.Success)
        {
            throw new CudaException("cuFuncSetAttribute", result, $"{Name} asked for {bytes:N0} bytes of dynamic shared memory.");
        }
    }

    public void Launch<T1>(CudaStream stream, in LaunchShape shape, T1 a1)
        where T1 : unmanaged
    {
        void** parameters = stackalloc void*[] { &a1 };
        Launch(stream, shape, parameters, 1);
    }

    public void Launch<T1, T2>(CudaStream stream, in LaunchShape shape, T1 a1, T2 a2)
        where T1 : unmanaged
        where T2 : unmanaged
    {
        void** parameters = stackalloc void*[] { &a1, &a2 };
        Launch(stream, shape, parameters, 2);
    }

    public void Launch<T1, T2, T3>(CudaStream stream, in LaunchShape shape, T1 a1, T2 a2, T3 a3)
        where T1 : unmanaged
        where T2 : unmanaged
        where T3 : unmanaged
    {
        void** parameters = stackalloc void*[] { &a1, &a2, &a3 };
        Launch(stream, shape, parameters, 3);
    }

    public void Launch<T1, T2, T3, T4>(CudaStream stream, in LaunchShape shape, T1 a1, T2 a2, T3 a3, T4 a4)
        where T1 : unmanaged
        where T2 : unmanaged
        where T3 : unmanaged
        where T4 : unmanaged
    {
        void** parameters = stackalloc void*[] { &a1, &a2, &a3, &a4 };
        Launch(stream, shape, parameters, 4);
    }

    public void Launch<T1, T2, T3, T4, T5>(CudaStream stream, in LaunchShape shape, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5)
        where T1 : unmanaged
        where T2 : unmanaged
        where T3 : unmanaged
        where T4 : unmanaged
        where T5 : unmanaged
    {
        void** parameters = stackalloc void*[] { &a1, &a2, &a3, &a4, &a5 };
        Launch(stream, shape, parameters, 5);
    }

    public void Launch<T1, T2, T3, T4, T5, T6>(CudaStream stream, in LaunchShape shape, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6)
        where T1 : unmanaged
        where T2 : unmanaged
        where T3 : unmanaged
        where T4 : unmanaged
        where T5 : unmanaged
        where T6 : unmanaged
    {
        void** parameters = stackalloc void*[] { &a1, &a2, &a3, &a4, &a5, &a6 };
        Launch(stream, shape, parameters, 6);
    }

    private void Launch(CudaStream stream, in LaunchShape shape, void** parameters, int count)
    {
        _module.Context.Activate();
        CudaResult result = shape.Cluster.X == 0
            ? CudaDriver.Api.LaunchKernel(_function, shape.Grid, shape.Block, (uint)shape.SharedBytes, stream.Value, parameters, count)
            : LaunchClusters(stream, shape, parameters, count);
        if (result != CudaResult.Success)
        {
            Fail(result, shape);
        }

        // The raw handles above keep neither the stream nor the module alive.
        GC.KeepAlive(stream);
        GC.KeepAlive(_module);
    }

    private CudaResult LaunchClusters(CudaStream stream, in LaunchShape shape, void** parameters, int count)
    {
        NativeLaunchAttribute cluster = new()
        {
            Id = NativeLaunchAttribute.ClusterDimension,
            ClusterX = shape.Cluster.X,
            ClusterY = shape.Cluster.Y,
            ClusterZ = shape.Cluster.Z,
        };
        NativeLaunchConfig config = new()
        {
            GridX = shape.Grid.X,
            GridY = shape.Grid.Y,
            GridZ = shape.Grid.Z,
            BlockX = shape.Block.X,
            BlockY = shape.Block.Y,
            BlockZ = shape.Block.Z,
            SharedBytes = (uint)shape.SharedBytes,
            Stream = stream.Value,
            Attributes = &cluster,
            AttributeCount = 1,
        };
        return CudaDriver.Api.LaunchKernelEx(&config, _function, parameters, count);
    }

    [DoesNotReturn]
    private void Fail(CudaResult result, in LaunchShape shape) =>
        throw new CudaException("cuLaunchKernel", result, $"The kernel is {Name}: {shape}.");

    private int Attribute(FunctionAttribute attribute)
    {
        int value;
        CudaDriver.Check(CudaDriver.Api.FunctionGetAttribute(&value, attribute, _function), "cuFuncGetAttribute");
        return value;
    }
}
