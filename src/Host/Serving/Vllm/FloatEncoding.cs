using System.Buffers.Binary;

namespace Rm.Host.Serving.Vllm;

/// <summary>How /pooling writes a number as bytes.</summary>
/// <param name="DType">float32, float16 or bfloat16.</param>
/// <param name="Endianness">native, big or little.</param>
internal sealed record FloatEncoding(string DType, string Endianness)
{
    /// <summary>Bytes of a number.</summary>
    public int Size => DType == "float32" ? 4 : 2;

    /// <summary>Refuses what is not written.</summary>
    public void Check(string format)
    {
        if (format != "float" && DType is not ("float32" or "float16" or "bfloat16"))
        {
            throw RequestFields.Refusal(
                $"embed_dtype {DType} holds no reward worth reading; ask for float32, float16 or bfloat16.", "embed_dtype");
        }
    }

    /// <summary>The bytes of a number.</summary>
    public byte[] Bytes(float value)
    {
        byte[] bytes = new byte[Size];
        switch (DType)
        {
            case "float16":
                BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)value);
                break;
            case "bfloat16":
                // To nearest, ties to even, as torch rounds.
                uint bits = BitConverter.SingleToUInt32Bits(value);
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
                break;
            default:
                BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
                break;
        }

        if (Endianness == "big")
        {
            Array.Reverse(bytes);
        }

        return bytes;
    }
}
