using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Rm.Host.Reporting.TensorBoard;

/// <summary>Bytes of one protocol-buffer message, field by field: the few kinds of field that event files have.</summary>
internal sealed class ProtoMessage
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int Fixed32 = 5;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>The message.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>A whole number of 0 or more.</summary>
    public ProtoMessage Number(int field, ulong value)
    {
        Key(field, Varint);
        WriteVarint(value);
        return this;
    }

    /// <summary>A double.</summary>
    public ProtoMessage Double(int field, double value)
    {
        Key(field, Fixed64);
        Write(value);
        return this;
    }

    /// <summary>A float.</summary>
    public ProtoMessage Float(int field, float value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        Key(field, Fixed32);
        _bytes.Write(bytes);
        return this;
    }

    /// <summary>A text.</summary>
    public ProtoMessage Text(int field, string value) => Content(field, Encoding.UTF8.GetBytes(value));

    /// <summary>A message within this one.</summary>
    public ProtoMessage Message(int field, ProtoMessage value) => Content(field, value.Bytes);

    /// <summary>A packed list of doubles.</summary>
    public ProtoMessage Doubles(int field, IReadOnlyCollection<double> values)
    {
        Key(field, Delimited);
        WriteVarint((ulong)values.Count * sizeof(double));
        foreach (double value in values)
        {
            Write(value);
        }

        return this;
    }

    private ProtoMessage Content(int field, ReadOnlySpan<byte> content)
    {
        Key(field, Delimited);
        WriteVarint((ulong)content.Length);
        _bytes.Write(content);
        return this;
    }

    private void Key(int field, int wireType) => WriteVarint((ulong)((field << 3) | wireType));

    private void Write(double value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        _bytes.Write(bytes);
    }

    private void WriteVarint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            _bytes.Write([(byte)(value | 0x80)]);
        }

        _bytes.Write([(byte)value]);
    }
}
