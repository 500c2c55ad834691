using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>PLAIN: values one after the other; bytes with their length in front; booleans as bits, lowest first.</summary>
internal sealed class PlainDecoder(LeafColumn column, ArraySegment<byte> bytes, ParquetPlace place) : ValueDecoder
{
    private readonly int _width = WidthOf(column);
    private int _position;
    private int _bit;

    public override void Read(ref ColumnValue value)
    {
        if (_width > 0)
        {
            SetFixed(ref value, column.Type, Take(_width));
        }
        else if (column.Type == PhysicalType.Boolean)
        {
            if (_bit == 0)
            {
                Take(1);
            }

            value.Bits = (bytes[_position - 1] >> _bit) & 1;
            _bit = (_bit + 1) & 7;
        }
        else
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(Take(4));
            value.Bytes = Take(length);
        }
    }

    private ArraySegment<byte> Take(int count)
    {
        if ((uint)count > (uint)(bytes.Count - _position))
        {
            throw place.Damaged("The values end early.");
        }

        ArraySegment<byte> taken = bytes.Slice(_position, count);
        _position += count;
        return taken;
    }
}
