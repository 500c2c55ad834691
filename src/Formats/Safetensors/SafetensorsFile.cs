using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Rm.Formats.Json;

namespace Rm.Formats.Safetensors;

/// <summary>
/// One safetensors file, open for reading. Tensors are read in pieces by position, so any number of threads may read at once
/// and no piece of the file stays in this process's memory. (Positional reads rather than a memory map: a file that shrinks
/// under a map kills the process with SIGBUS, here it is an error that names the file.)
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    // Bytes converted at a time: fits the second-level cache beside the destination.
    private const int ChunkBytes = 1 << 18;

    private readonly SafeFileHandle _handle;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header)
    {
        FilePath = path;
        _handle = handle;
        _header = header;
    }

    /// <summary>Path that the file was opened by.</summary>
    public string FilePath { get; }

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _header.Tensors;

    /// <summary>The header's __metadata__; empty when there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file and checks its header. Throws <see cref="UserInputException"/> that names the file and the fault.</summary>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.SequentialScan);
            long length = RandomAccess.GetLength(handle);
            Span<byte> prefix = stackalloc byte[8];
            if (length < prefix.Length)
            {
                throw new UserInputException($"{path}: only {length} bytes, too short for a safetensors file; the file is truncated.");
            }

            ReadExactly(handle, prefix, 0, path);
            byte[] json = new byte[SafetensorsHeader.JsonLength(BinaryPrimitives.ReadUInt64LittleEndian(prefix), length, path)];
            ReadExactly(handle, json, prefix.Length, path);
            var file = new SafetensorsFile(path, handle, SafetensorsHeader.Parse(json, length, path));
            handle = null;
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw JsonInput.Unreadable(path, e);
        }
        finally
        {
            handle?.Dispose();
        }
    }

    /// <summary>The tensor of that name, or a <see cref="UserInputException"/>.</summary>
    public SafetensorsTensor Tensor(string name) =>
        Tensors.TryGetValue(name, out SafetensorsTensor? tensor)
            ? tensor
            : throw new UserInputException($"{FilePath}: there is no tensor {name}.");

    /// <summary>
    /// Reads <paramref name="destination"/>.Length elements, from element <paramref name="start"/> on, as float32 (exact for F32, F16 and
    /// BF16).
    /// Throws <see cref="UserInputException"/> when the tensor is absent or of another type,
    /// <see cref="ArgumentOutOfRangeException"/> when the range leaves the tensor.
    /// </summary>
    public void ReadFloat32(string name, Span<float> destination, long start = 0)
    {
        SafetensorsTensor tensor = Weight(name, destination.Length, start);
        if (tensor.DType == SafetensorsDType.F32)
        {
            ReadExactly(_handle, MemoryMarshal.AsBytes(destination), tensor.Start + (4 * start), FilePath);
            return;
        }

        ReadChunks<ushort, float>(tensor.Start + (2 * start), destination, (chunk, target, offset) =>
        {
            Span<float> part = target.Slice(offset, chunk.Length);
            if (tensor.DType == SafetensorsDType.BF16)
            {
                FloatConversion.FromBFloat16(chunk, part);
            }
            else
            {
                FloatConversion.FromHalf(chunk, part);
            }
        });
    }

    /// <summary>
    /// Bytes of a tensor of any type, from byte <paramref name="start"/> of it on.
    /// </summary>
    /// <exception cref="UserInputException">There is no such tensor, or the file ends early.</exception>
    public void ReadBytes(string name, Span<byte> destination, long start)
    {
        SafetensorsTensor tensor = Tensor(name);
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, tensor.ByteLength);
        ReadExactly(_handle, destination, tensor.Start + start, FilePath);
    }

    /// <summary>
    /// Like <see cref="ReadFloat32"/>, as bfloat16 bits: a plain copy of a BF16 tensor; F32 and F16 are rounded to nearest, ties to even.
    /// </summary>
    public void ReadBFloat16(string name, Span<ushort> destination, long start = 0)
    {
        SafetensorsTensor tensor = Weight(name, destination.Length, start);
        switch (tensor.DType)
        {
            case SafetensorsDType.BF16:
                ReadExactly(_handle, MemoryMarshal.AsBytes(destination), tensor.Start + (2 * start), FilePath);
                break;
            case SafetensorsDType.F32:
                ReadChunks<float, ushort>(tensor.Start + (4 * start), destination, (chunk, target, offset) =>
                    FloatConversion.ToBFloat16(chunk, target.Slice(offset, chunk.Length)));
                break;
            default:
                float[] single = new float[Math.Min(destination.Length, ChunkBytes / 2)];
                ReadChunks<ushort, ushort>(tensor.Start + (2 * start), destination, (chunk, target, offset) =>
                {
                    FloatConversion.FromHalf(chunk, single);
                    FloatConversion.ToBFloat16(single.AsSpan(0, chunk.Length), target.Slice(offset, chunk.Length));
                });
                break;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private delegate void ChunkSink<TSource, TTarget>(ReadOnlySpan<TSource> chunk, Span<TTarget> destination, int offset);

    private void ReadChunks<TSource, TTarget>(long position, Span<TTarget> destination, ChunkSink<TSource, TTarget> sink)
        where TSource : unmanaged
    {
        int elementBytes = Unsafe.SizeOf<TSource>();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            for (int offset = 0; offset < destination.Length;)
            {
                int elements = Math.Min(destination.Length - offset, ChunkBytes / elementBytes);
                Span<byte> bytes = buffer.AsSpan(0, elements * elementBytes);
                ReadExactly(_handle, bytes, position + ((long)offset * elementBytes), FilePath);
                sink(MemoryMarshal.Cast<byte, TSource>(bytes), destination, offset);
                offset += elements;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private SafetensorsTensor Weight(string name, int count, long start)
    {
        SafetensorsTensor tensor = Tensor(name);
        if (!tensor.DType.IsWeight())
        {
            throw new UserInputException(
                $"{FilePath}: tensor {name} is stored as {tensor.DType.HeaderName()}; only F32, F16 and BF16 weights can be used. " +
                "Quantized checkpoints must be converted first.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, tensor.ElementCount - count);
        return tensor;
    }

    private static void ReadExactly(SafeFileHandle handle, Span<byte> destination, long position, string path)
    {
        try
        {
            while (!destination.IsEmpty)
            {
                int read = RandomAccess.Read(handle, destination, position);
                if (read == 0)
                {
                    throw new UserInputException($"{path}: the file ended at byte {position} while it was read; it has been changed.");
                }

                destination = destination[read..];
                position += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserInputException($"{path}: cannot be read at byte {position}: {e.Message}", e);
        }
    }
}
