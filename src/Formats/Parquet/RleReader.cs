using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>
/// Reads small whole numbers of a fixed bit width in the hybrid of repeated runs and bit-packed groups of eight that Parquet uses for
/// levels, dictionary indices and booleans. Source: Encodings.md of the Parquet format, "RLE = 3".
/// </summary>
internal sealed class RleReader
{
    private readonly ArraySegment<byte> _bytes;
    private readonly int _width;
    private readonly ParquetPlace _place;
    private int _position;
    private long _repeats;
    private int _repeated;
    private long _packed;
    private long _packedBit;

    /// <param name="bytes">The runs.</param>
    /// <param name="width">Bits of a number, 0 to 32.</param>
    /// <param name="place">For errors.</param>
    public RleReader(ArraySegment<byte> bytes, int width, ParquetPlace place)
    {
        if (width is < 0 or > 32)
        {
            throw place.Damaged($"A bit width of {width} is impossible.");
        }

        _bytes = bytes;
        _width = width;
        _place = place;
    }

    /// <summary>The next number. Throws <see cref="UserInputException"/> when the runs have ended.</summary>
    public int Next()
    {
        while (true)
        {
            if (_repeats > 0)
            {
                _repeats--;
                return _repeated;
            }

            if (_packed > 0)
            {
                _packed--;
                return NextPacked();
            }

            ReadRun();
        }
    }

    private int NextPacked()
    {
        int at = (int)(_packedBit >> 3);
        // Up to 32 bits beginning anywhere in a byte lie within 5 bytes.
        ulong window;
        if (at + 8 <= _bytes.Count)
        {
            window = BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));
        }
        else
        {
            window = 0;
            for (int i = at; i < _bytes.Count; i++)
            {
                window |= (ulong)_bytes[i] << (8 * (i - at));
            }
        }

        if (_packedBit + _width > 8L * _bytes.Count)
        {
            throw _place.Damaged("A bit-packed run ends early.");
        }

        int value = (int)((window >> (int)(_packedBit & 7)) & ((1UL << _width) - 1));
        _packedBit += _width;
        return value;
    }

    private void ReadRun()
    {
        ulong head = ReadVarint();
        long count = (long)(head >> 1);
        if ((head & 1) != 0)
        {
            // The last group of a page may be cut where its values end, so the bytes are checked value by value.
            _packed = count * 8;
            _packedBit = 8L * _position;
            _position = (int)Math.Min(_bytes.Count, _position + (count * _width));
            return;
        }

        int value = 0;
        for (int shift = 0; shift < _width; shift += 8)
        {
            value |= ReadByte() << shift;
        }

        _repeated = value;
        _repeats = count;
    }

    private uint ReadVarint()
    {
        uint value = 0;
        for (int shift = 0; shift < 32; shift += 7)
        {
            int next = ReadByte();
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw _place.Damaged("The length of a run has too many bytes.");
    }

    private int ReadByte() => _position < _bytes.Count ? _bytes[_position++] : throw _place.Damaged("The runs end early.");
}
