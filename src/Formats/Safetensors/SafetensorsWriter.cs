using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Rm.Formats.Safetensors;

/// <summary>
/// Supplies a tensor's elements piece by piece: fill <paramref name="destination"/> with the elements from <paramref name="start"/> on.
/// </summary>
public delegate void TensorFill(long start, Span<float> destination);

/// <summary>One tensor to be written.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="DType">F32, F16 or BF16; the 16-bit ones round to nearest, ties to even.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Fill">Called with consecutive ranges, in order, each element once.</param>
public sealed record TensorToWrite(string Name, SafetensorsDType DType, long[] Shape, TensorFill Fill)
{
    /// <summary>A tensor that lies in memory; <paramref name="values"/> must have as many elements as the shape.</summary>
    public static TensorToWrite FromMemory(
        string name, long[] shape, ReadOnlyMemory<float> values, SafetensorsDType dtype = SafetensorsDType.F32)
    {
        var tensor = new TensorToWrite(name, dtype, shape, (start, destination) =>
            values.Span.Slice((int)start, destination.Length).CopyTo(destination));
        return tensor.ElementCount == values.Length
            ? tensor
            : throw new ArgumentException(
                $"{name}: {values.Length} values for shape {SafetensorsTensor.ShapeToText(shape)}", nameof(values));
    }

    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));

    internal long ByteLength => checked(ElementCount * DType.Bits() / 8);
}

/// <summary>
/// Writes safetensors files byte for byte as the reference library does: wider types first, then by name (which keeps every
/// tensor aligned), header padded with spaces to 8 bytes. The data streams through one small buffer.
/// </summary>
public static class SafetensorsWriter
{
    private const int ChunkElements = 1 << 16;

    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The metadata that transformers writes and asks for.</summary>
    public static IReadOnlyDictionary<string, string> PyTorchMetadata { get; } = new Dictionary<string, string> { ["format"] = "pt" };

    /// <summary>Writes a file; <paramref name="metadata"/> null means <see cref="PyTorchMetadata"/>. Names must differ.</summary>
    public static void Write(Stream stream, IEnumerable<TensorToWrite> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorToWrite[] ordered = Order(tensors);
        byte[] header = Header(ordered, metadata ?? PyTorchMetadata);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        float[] values = ArrayPool<float>.Shared.Rent(ChunkElements);
        ushort[] narrow = ArrayPool<ushort>.Shared.Rent(ChunkElements);
        try
        {
            foreach (TensorToWrite tensor in ordered)
            {
                for (long start = 0, count = tensor.ElementCount; start < count; start += ChunkElements)
                {
                    Span<float> chunk = values.AsSpan(0, (int)Math.Min(ChunkElements, count - start));
                    tensor.Fill(start, chunk);
                    WriteChunk(stream, tensor.DType, chunk, narrow.AsSpan(0, chunk.Length));
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(values);
            ArrayPool<ushort>.Shared.Return(narrow);
        }
    }

    /// <summary>Size in bytes of the file that <see cref="Write"/> would make.</summary>
    public static long FileLength(IEnumerable<TensorToWrite> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorToWrite[] ordered = Order(tensors);
        return 8 + Header(ordered, metadata ?? PyTorchMetadata).Length + ordered.Sum(tensor => tensor.ByteLength);
    }

    private static TensorToWrite[] Order(IEnumerable<TensorToWrite> tensors)
    {
        TensorToWrite[] ordered = tensors.OrderByDescending(t => t.DType.Bits()).ThenBy(t => t.Name, StringComparer.Ordinal).ToArray();
        var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
        foreach (TensorToWrite? tensor in ordered)
        {
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException($"two tensors named {tensor.Name}, or a reserved name", nameof(tensors));
            }

            if (!tensor.DType.IsWeight())
            {
                throw new ArgumentException($"{tensor.Name}: {tensor.DType.HeaderName()} cannot be written", nameof(tensors));
            }
        }

        return ordered;
    }

    private static byte[] Header(TensorToWrite[] ordered, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Json))
        {
            writer.WriteStartObject();
            if (metadata.Count > 0)
            {
                writer.WriteStartObject("__metadata__");
                foreach ((string? key, string? value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    writer.WriteString(key, value);
                }

                writer.WriteEndObject();
            }

            long offset = 0;
            foreach (TensorToWrite tensor in ordered)
            {
                writer.WriteStartObject(tensor.Name);
                writer.WriteString("dtype", tensor.DType.HeaderName());
                WriteNumbers(writer, "shape", tensor.Shape);
                WriteNumbers(writer, "data_offsets", [offset, offset + tensor.ByteLength]);
                writer.WriteEndObject();
                offset += tensor.ByteLength;
            }

            writer.WriteEndObject();
        }

        byte[] header = new byte[(buffer.WrittenCount + 7) / 8 * 8];
        buffer.WrittenSpan.CopyTo(header);
        header.AsSpan(buffer.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter writer, string name, long[] numbers)
    {
        writer.WriteStartArray(name);
        foreach (long number in numbers)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }

    private static void WriteChunk(Stream stream, SafetensorsDType dtype, ReadOnlySpan<float> values, Span<ushort> narrow)
    {
        switch (dtype)
        {
            case SafetensorsDType.F32:
                stream.Write(MemoryMarshal.AsBytes(values));
                return;
            case SafetensorsDType.BF16:
                FloatConversion.ToBFloat16(values, narrow);
                break;
            default:
                FloatConversion.ToHalf(values, narrow);
                break;
        }

        stream.Write(MemoryMarshal.AsBytes(narrow));
    }
}
