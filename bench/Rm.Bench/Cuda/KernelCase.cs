using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Bench.Cuda;

/// <summary>One kernel at one shape: random inputs on the device, a launch, and a check of what it wrote.</summary>
internal abstract class KernelCase(string name, CudaSession session) : IDisposable
{
    private readonly List<CudaStorage> _storages = [];

    /// <summary>Kernel and shape.</summary>
    public string Name { get; } = name;

    /// <summary>Floating-point operations of one launch; 0 for a kernel that memory bounds.</summary>
    public virtual double Flops => 0;

    /// <summary>Bytes that one launch must read and write at least.</summary>
    public abstract double Bytes { get; }

    protected CudaSession Session { get; } = session;

    /// <summary>Queues the work.</summary>
    public abstract void Run();

    /// <summary>Compares a sample of the outputs with arithmetic in double; what is wrong, or null.</summary>
    public abstract string? Verify();

    public virtual void Dispose() => _storages.ForEach(static storage => storage.Dispose());

    /// <summary>Memory with undefined contents.</summary>
    protected Tensor Allocate(DType dtype, int rows, int columns)
    {
        CudaStorage storage = new(Session.Device, (long)rows * columns * dtype.Size());
        _storages.Add(storage);
        return new Tensor(storage, 0, dtype, new Shape(rows, columns));
    }

    /// <summary>Uniform numbers in -1 .. 1 as bfloat16; never zeros, on which tensor cores run faster.</summary>
    protected (Tensor Tensor, float[] Values) RandomBF16(int rows, int columns, int seed)
    {
        Tensor tensor = Allocate(DType.BF16, rows, columns);
        float[] values = Uniform(rows * columns, seed);
        ushort[] bits = new ushort[values.Length];
        BFloat16s.Round(values, bits);
        Session.Transfers.Upload<ushort>(bits, tensor);
        return (tensor, FromBits(bits));
    }

    /// <summary>Uniform numbers in -1 .. 1 as float32.</summary>
    protected (Tensor Tensor, float[] Values) RandomF32(int rows, int columns, int seed)
    {
        Tensor tensor = Allocate(DType.F32, rows, columns);
        float[] values = Uniform(rows * columns, seed);
        Session.Transfers.Upload<float>(values, tensor);
        return (tensor, values);
    }

    /// <summary>The values of a bfloat16 tensor.</summary>
    protected float[] Read(Tensor tensor)
    {
        ushort[] bits = new ushort[tensor.Shape.Count];
        Session.Transfers.Download<ushort>(tensor, bits);
        return FromBits(bits);
    }

    /// <summary>
    /// A message when <paramref name="actual"/> is further from <paramref name="expected"/> than a rounding to bfloat16 and sums in float32
    /// explain; <paramref name="roundedBefore"/> is a part of it that the kernel rounds by itself before it adds the rest.
    /// </summary>
    protected static string? Compare(string what, double actual, double expected, double sumOfMagnitudes, double roundedBefore = 0)
    {
        double allowed = ((Math.Abs(expected) + Math.Abs(roundedBefore)) / 256) + (sumOfMagnitudes * 1e-5);
        return Math.Abs(actual - expected) <= allowed ? null : $"{what} is {actual}, should be {expected} within {allowed}";
    }

    private static float[] Uniform(int count, int seed)
    {
        Random random = new(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (2 * random.NextSingle()) - 1;
        }

        return values;
    }

    private static float[] FromBits(ushort[] bits) => Array.ConvertAll(bits, static b => BitConverter.UInt32BitsToSingle((uint)b << 16));
}
