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

    /// <summary>The same for a tensor that may be absent.</summary>
    /// <exception cref="ArgumentException">The message names the tensor and both shapes.</exception>
    public static void Optional(string name, Tensor? tensor, DType dtype, int rows, int columns)
    {
        if (tensor is { } given)
        {
            Contiguous(name, given, dtype, rows, columns);
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
        if (!InPackets(tensor))
        {
            throw new ArgumentException(
                $"{name} {tensor.Shape} (row stride {tensor.RowStride}) must have rows that start at multiples of {PacketBytes} bytes.",
                name);
        }
    }

    /// <summary>Whether every row of <paramref name="tensor"/> starts at a multiple of 16 bytes.</summary>
    public static bool InPackets(Tensor tensor) =>
        tensor.Address % PacketBytes == 0 && (tensor.Rows <= 1 || tensor.RowStride * tensor.DType.Size() % PacketBytes == 0);

    /// <summary>
    /// Elements that a thread moves at once: 16 bytes of them where rows of <paramref name="columns"/> elements are whole packets and every
    /// row of every tensor starts at one, else 1.
    /// </summary>
    public static int PacketOf(int columns, params ReadOnlySpan<Tensor> tensors)
    {
        int count = PacketBytes / tensors[0].DType.Size();
        foreach (Tensor tensor in tensors)
        {
            if (columns % count != 0 || !InPackets(tensor))
            {
                return 1;
            }
        }

        return count;
    }

    /// <summary>Heads of <paramref name="headDim"/> columns in a row.</summary>
    /// <exception cref="ArgumentException">The columns are no whole number of heads; the message names the tensor.</exception>
    public static int Heads(string name, Tensor tensor, int headDim)
    {
        if (headDim <= 0 || tensor.Columns % headDim != 0)
        {
            throw new ArgumentException($"{name} has {tensor.Columns} columns, which is not a whole number of heads of {headDim}.", name);
        }

        return tensor.Columns / headDim;
    }

    /// <summary>Refuses host elements of another type than the tensor's.</summary>
    /// <exception cref="ArgumentException">The message has both types.</exception>
    public static void HostType<T>(Tensor tensor, string name)
        where T : unmanaged
    {
        bool matches = tensor.DType switch
        {
            DType.F32 => typeof(T) == typeof(float),
            DType.I32 => typeof(T) == typeof(int) || typeof(T) == typeof(uint),
            DType.F16 => typeof(T) == typeof(Half) || typeof(T) == typeof(ushort),
            _ => typeof(T) == typeof(ushort),
        };
        if (!matches)
        {
            throw new ArgumentException($"Elements of {typeof(T).Name} do not match a {tensor.DType} tensor {tensor.Shape}.", name);
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
