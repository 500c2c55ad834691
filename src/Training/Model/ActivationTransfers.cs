using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>Float32 values to and from tensors of the activation type, whichever that is.</summary>
internal static class ActivationTransfers
{
    /// <summary>Rounds where the tensor is bfloat16.</summary>
    public static void Upload(IBackend backend, ReadOnlySpan<float> values, Tensor destination)
    {
        if (destination.DType == DType.F32)
        {
            backend.Upload(values, destination);
            return;
        }

        ushort[] rounded = new ushort[values.Length];
        FloatConversion.ToBFloat16(values, rounded);
        backend.Upload<ushort>(rounded, destination);
    }

    /// <summary>All elements of a contiguous tensor.</summary>
    public static float[] Download(IBackend backend, Tensor source)
    {
        float[] values = new float[source.Shape.Count];
        if (source.DType == DType.F32)
        {
            backend.Download<float>(source, values);
            return values;
        }

        ushort[] bits = new ushort[values.Length];
        backend.Download<ushort>(source, bits);
        for (int i = 0; i < bits.Length; i++)
        {
            values[i] = BitConverter.Int32BitsToSingle(bits[i] << 16);
        }

        return values;
    }
}
