namespace Rm.Formats.Parquet;

/// <summary>
/// RLE_DICTIONARY (and PLAIN_DICTIONARY, its older name): a byte with the bit width, then runs of indices into the dictionary.
/// </summary>
internal sealed class DictionaryDecoder : ValueDecoder
{
    private readonly ColumnValue[] _dictionary;
    private readonly RleReader? _indices;
    private readonly ParquetPlace _place;

    public DictionaryDecoder(ColumnValue[] dictionary, ArraySegment<byte> bytes, ParquetPlace place)
    {
        _dictionary = dictionary;
        _place = place;
        // A page of nulls only may leave out even the bit width.
        _indices = bytes.Count > 0 ? new RleReader(bytes[1..], bytes[0], place) : null;
    }

    public override void Read(ref ColumnValue value)
    {
        uint index = (uint)(_indices ?? throw _place.Damaged("The dictionary indices are missing.")).Next();
        value = index < _dictionary.Length
            ? _dictionary[index]
            : throw _place.Damaged($"A dictionary index is {index}, and the dictionary has {_dictionary.Length} values.");
    }

    /// <summary>The values of a dictionary page. They point into <paramref name="bytes"/>.</summary>
    public static ColumnValue[] ReadDictionary(LeafColumn column, ArraySegment<byte> bytes, int count, ParquetPlace place)
    {
        int width = ValueDecoder.WidthOf(column);
        // Every value takes some bytes, so that a page cannot claim more values than it pays for.
        long least = column.Type == PhysicalType.Boolean ? ((long)count + 7) / 8 : (long)count * Math.Max(width, width == 0 ? 4 : 1);
        if (least > bytes.Count)
        {
            throw place.Damaged($"The dictionary claims {count} values in {bytes.Count} bytes.");
        }

        var decoder = new PlainDecoder(column, bytes, place);
        var dictionary = new ColumnValue[count];
        for (int i = 0; i < count; i++)
        {
            decoder.Read(ref dictionary[i]);
        }

        return dictionary;
    }
}
