namespace Rm.Formats.Parquet;

/// <summary>BYTE_STREAM_SPLIT: the first bytes of all values, then the second bytes of all, and so on.</summary>
internal sealed class ByteStreamSplitDecoder : ValueDecoder
{
    private readonly LeafColumn _column;
    private readonly ArraySegment<byte> _bytes;
    private readonly ParquetPlace _place;
    private readonly int _count;
    private readonly byte[] _value;
    private int _next;

    public ByteStreamSplitDecoder(LeafColumn column, ArraySegment<byte> bytes, ParquetPlace place)
    {
        int width = WidthOf(column);
        if (bytes.Count % width != 0)
        {
            throw place.Damaged($"{bytes.Count} bytes do not hold whole values of {width} bytes.");
        }

        _column = column;
        _bytes = bytes;
        _place = place;
        _count = bytes.Count / width;
        _value = new byte[width];
    }

    public override void Read(ref ColumnValue value)
    {
        if (_next >= _count)
        {
            throw _place.Damaged("The values end early.");
        }

        for (int i = 0; i < _value.Length; i++)
        {
            _value[i] = _bytes[(i * _count) + _next];
        }

        _next++;
        SetFixed(ref value, _column.Type, _value);
    }
}
