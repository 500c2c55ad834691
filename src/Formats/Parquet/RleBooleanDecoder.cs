using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>RLE for booleans: runs of one-bit numbers behind their length in bytes.</summary>
internal sealed class RleBooleanDecoder : ValueDecoder
{
    private readonly RleReader _runs;

    public RleBooleanDecoder(ArraySegment<byte> bytes, ParquetPlace place)
    {
        if (bytes.Count < 4 || BinaryPrimitives.ReadUInt32LittleEndian(bytes) > bytes.Count - 4)
        {
            throw place.Damaged("The values are cut off.");
        }

        _runs = new RleReader(bytes.Slice(4, BinaryPrimitives.ReadInt32LittleEndian(bytes)), 1, place);
    }

    public override void Read(ref ColumnValue value) => value.Bits = _runs.Next();
}
