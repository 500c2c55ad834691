using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>
/// Decodes the values of a page one after the other, so that memory depends on the page's bytes and not on what it claims to hold.
/// </summary>
internal abstract class ValueDecoder
{
    /// <summary>The next value. Throws <see cref="UserInputException"/> when the page has no more or is damaged.</summary>
    public abstract void Read(ref ColumnValue value);

    /// <summary>Bytes of a stored value, or 0 when that differs between values or is less than one byte.</summary>
    public static int WidthOf(LeafColumn column) => column.Type switch
    {
        PhysicalType.Int32 or PhysicalType.Float => 4,
        PhysicalType.Int64 or PhysicalType.Double => 8,
        PhysicalType.Int96 => 12,
        PhysicalType.FixedLengthByteArray => column.TypeLength,
        _ => 0,
    };

    /// <summary>Takes a value of <see cref="WidthOf"/> bytes.</summary>
    protected static void SetFixed(ref ColumnValue value, PhysicalType type, ArraySegment<byte> bytes)
    {
        switch (type)
        {
            case PhysicalType.Int32 or PhysicalType.Float:
                value.Bits = BinaryPrimitives.ReadInt32LittleEndian(bytes);
                break;
            case PhysicalType.Int64 or PhysicalType.Double:
                value.Bits = BinaryPrimitives.ReadInt64LittleEndian(bytes);
                break;
            default:
                value.Bytes = bytes;
                break;
        }
    }
}
