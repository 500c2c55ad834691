using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>
/// DELTA_BINARY_PACKED: a first value, then blocks of differences to the value before, each block with its least difference and its
/// miniblocks with bit widths of their own. Arithmetic wraps, as the format wants. Source: Encodings.md of the Parquet format.
/// </summary>
internal sealed class DeltaReader
{
    // Writers use 128; 1 << 16 keeps hostile sizes from overflowing anything.
    private const int MaxBlockValues = 1 << 16;

    private readonly ArraySegment<byte> _bytes;
    private readonly ParquetPlace _place;
    private readonly int _miniblocks;
    private readonly int _miniblockValues;
    private int _position;
    private long _left;
    private long _previous;
    private bool _isFirst = true;
    private long _minDelta;
    private int _widths;
    private int _miniblock;
    private int _leftInMiniblock;
    private int _width;
    private long _bit;

    public DeltaReader(ArraySegment<byte> bytes, ParquetPlace place)
    {
        _bytes = bytes;
        _place = place;
        ulong block = ReadVarint();
        ulong miniblocks = ReadVarint();
        ulong total = ReadVarint();
        _previous = ReadZigZag();
        if (block is 0 or > MaxBlockValues || miniblocks == 0 || miniblocks > block || block % miniblocks != 0
            || block / miniblocks % 8 != 0 || total > int.MaxValue)
        {
            throw place.Damaged($"Delta blocks of {block} values in {miniblocks} parts, {total} values in all, are impossible.");
        }

        _miniblocks = (int)miniblocks;
        _miniblockValues = (int)(block / miniblocks);
        _miniblock = _miniblocks;
        _left = (long)total;
    }

    /// <summary>Number of values.</summary>
    public int Count => (int)_left;

    /// <summary>The next value.</summary>
    public long Next()
    {
        if (_left <= 0)
        {
            throw _place.Damaged("The delta-encoded values end early.");
        }

        _left--;
        if (_isFirst)
        {
            _isFirst = false;
            return _previous;
        }

        if (_leftInMiniblock == 0)
        {
            NextMiniblock();
        }

        _leftInMiniblock--;
        _previous = unchecked(_previous + _minDelta + (long)Unpack());
        return _previous;
    }

    /// <summary>
    /// Index of the first byte behind the values, found from the blocks' headers without unpacking, so that it costs no more than the
    /// bytes.
    /// </summary>
    public static int FindEnd(ArraySegment<byte> bytes, ParquetPlace place)
    {
        var reader = new DeltaReader(bytes, place);
        long left = reader._left - 1;
        while (left > 0)
        {
            reader.NextMiniblock();
            left -= reader._miniblockValues;
        }

        return reader._position;
    }

    private void NextMiniblock()
    {
        if (_miniblock == _miniblocks)
        {
            _minDelta = ReadZigZag();
            _widths = _position;
            _position += _miniblocks;
            _miniblock = 0;
        }

        if (_position > _bytes.Count)
        {
            throw _place.Damaged("A delta block is cut off.");
        }

        _width = _bytes[_widths + _miniblock++];
        long length = (long)_width * _miniblockValues / 8;
        // A last miniblock may be cut where its values end, though most writers pad it; the bits are checked when they are taken.
        _bit = 8L * _position;
        _position = (int)Math.Min(_bytes.Count, _position + length);
        _leftInMiniblock = _miniblockValues;
        if (_width > 64)
        {
            throw _place.Damaged($"A delta block has a bit width of {_width}.");
        }
    }

    private ulong Unpack()
    {
        if (_width == 0)
        {
            return 0;
        }

        if (_bit + _width > 8L * _bytes.Count)
        {
            throw _place.Damaged("A delta block is cut off.");
        }

        int at = (int)(_bit >> 3);
        int shift = (int)(_bit & 7);
        _bit += _width;
        ulong low = ReadWord(at) >> shift;
        if (shift + _width > 64)
        {
            low |= (ulong)_bytes[at + 8] << (64 - shift);
        }

        return _width == 64 ? low : low & ((1UL << _width) - 1);
    }

    private ulong ReadWord(int at)
    {
        if (at + 8 <= _bytes.Count)
        {
            return BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
        }

        ulong word = 0;
        for (int i = at; i < _bytes.Count; i++)
        {
            word |= (ulong)_bytes[i] << (8 * (i - at));
        }

        return word;
    }

    private long ReadZigZag()
    {
        ulong raw = ReadVarint();
        return (long)(raw >> 1) ^ -(long)(raw & 1);
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int next = _position < _bytes.Count ? _bytes[_position++] : throw _place.Damaged("A delta block is cut off.");
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw _place.Damaged("A number of a delta block has too many bytes.");
    }
}
