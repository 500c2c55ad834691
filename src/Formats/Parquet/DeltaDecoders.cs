namespace Rm.Formats.Parquet;

/// <summary>DELTA_BINARY_PACKED: whole numbers.</summary>
internal sealed class DeltaIntegerDecoder(LeafColumn column, ArraySegment<byte> bytes, ParquetPlace place) : ValueDecoder
{
    private readonly DeltaReader _values = new(bytes, place);
    private readonly bool _narrow = column.Type == PhysicalType.Int32;

    public override void Read(ref ColumnValue value)
    {
        long next = _values.Next();
        value.Bits = _narrow ? unchecked((int)next) : next;
    }
}

/// <summary>DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.</summary>
internal sealed class DeltaLengthDecoder : ValueDecoder
{
    private readonly ParquetPlace _place;
    private readonly DeltaReader _lengths;
    private ArraySegment<byte> _data;

    public DeltaLengthDecoder(ArraySegment<byte> bytes, ParquetPlace place)
    {
        _place = place;
        _lengths = new DeltaReader(bytes, place);
        _data = bytes[DeltaReader.FindEnd(bytes, place)..];
    }

    public override void Read(ref ColumnValue value)
    {
        long length = _lengths.Next();
        if (length < 0 || length > _data.Count)
        {
            throw _place.Damaged($"A value claims {length} bytes, and {_data.Count} are left.");
        }

        value.Bytes = _data[..(int)length];
        _data = _data[(int)length..];
    }
}

/// <summary>DELTA_BYTE_ARRAY: each value is the front of the one before and bytes of its own.</summary>
internal sealed class DeltaByteArrayDecoder : ValueDecoder
{
    private readonly LeafColumn _column;
    private readonly ParquetPlace _place;
    private readonly DeltaReader _prefixes;
    private readonly DeltaLengthDecoder _suffixes;
    private byte[] _current = [];
    private int _length;

    public DeltaByteArrayDecoder(LeafColumn column, ArraySegment<byte> bytes, ParquetPlace place)
    {
        _column = column;
        _place = place;
        _prefixes = new DeltaReader(bytes, place);
        _suffixes = new DeltaLengthDecoder(bytes[DeltaReader.FindEnd(bytes, place)..], place);
    }

    public override void Read(ref ColumnValue value)
    {
        long prefix = _prefixes.Next();
        _suffixes.Read(ref value);
        if (prefix < 0 || prefix > _length)
        {
            throw _place.Damaged($"A value shares {prefix} bytes with one of {_length}.");
        }
        // Suffixes are cut from the page, so that the sum cannot exceed its size.
        int length = (int)prefix + value.Bytes.Count;
        if (_column.TypeLength > 0 && length != _column.TypeLength)
        {
            throw _place.Damaged($"A value of {_column.TypeLength} bytes has {length}.");
        }

        if (length > _current.Length)
        {
            Array.Resize(ref _current, Math.Max(length, 2 * _current.Length));
        }

        value.Bytes.AsSpan().CopyTo(_current.AsSpan((int)prefix));
        _length = length;
        value.Bytes = new ArraySegment<byte>(_current, 0, length);
    }
}
