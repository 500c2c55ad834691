using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>What kernels take for granted, checked where it is cheap and can still be named.</summary>
internal static class LaunchChecks
{
    /// <summary>Bytes that the widest loads and stores of kernels move, and to which their addresses must be aligned.</summary>
    public const int PacketBytes = 16;

    /// <summary>Refuses a tensor whose type, rows, columns or gaps are not what the kernel was written for.</summary>
    /// <exception cref="ArgumentException">The message names the tensor and both shapes.</exception>
    public static void Contiguous(string name, Tensor tensor, DType dtype, int rows, int columns)
    {
        Strided(name, tensor, dtype, rows, columns);
        if (!tensor.IsContiguous)
        {
            throw new ArgumentException($"{name} {tensor.Shape} has row stride {tensor.RowStride}; the kernel needs adjacent rows.", name);
        }
    }

    /// <summary>Refuses a tensor whose type, rows or columns are not what the kernel was written for; rows may be apart.</summary>
    /// <exception cref="ArgumentException">The message names the tensor and both shapes.</exception>
    public static void Strided(string name, Tensor tensor, DType dtype, int rows, int columns)
    {
        if (tensor.DType != dtype || tensor.Rows != rows || tensor.Columns != columns)
        {
            throw new ArgumentException(
                $"{name} is {tensor.DType} {tensor.Shape}; the kernel needs {dtype} {new Shape(rows, columns)}.", name);
        }
    }

    /// <summary>Refuses a tensor some row of which does not start at a multiple of 16 bytes.</summary>
    /// <exception cref="ArgumentException">The message names the tensor.</exception>
    public static void Packets(string name, Tensor tensor)
    {
        if (tensor.Address % PacketBytes != 0 || (tensor.Rows > 1 && tensor.RowStride * tensor.DType.Size() % PacketBytes != 0))
        {
            throw new ArgumentException(
                $"{name} {tensor.Shape} (row stride {tensor.RowStride}) must have rows that start at multiples of {PacketBytes} bytes.",
                name);
        }
    }

    /// <summary>The suffix of kernels for activations of <paramref name="dtype"/>.</summary>
    /// <exception cref="ArgumentException">Kernels exist for float32 and bfloat16 activations.</exception>
    public static string Suffix(DType dtype) => dtype switch
    {
        DType.BF16 => "bf16",
        DType.F32 => "f32",
        _ => throw new ArgumentException($"Kernels exist for bfloat16 and float32 activations, not for {dtype}.", nameof(dtype)),
    };

    /// <summary>Smallest multiple of a warp that has a thread for each of <paramref name="items"/>, at most 1024.</summary>
    public static int Threads(int items) => Math.Clamp((items + 31) / 32 * 32, 32, 1024);

    /// <summary>Blocks of <paramref name="size"/> that cover <paramref name="count"/>.</summary>
    public static int Blocks(int count, int size) => (int)(((long)count + size - 1) / size);
}
