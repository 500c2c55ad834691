using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>Reads the definition or repetition levels of a page, checked against their maximum.</summary>
internal sealed class LevelReader
{
    private readonly RleReader? _runs;
    private readonly ArraySegment<byte> _packed;
    private readonly int _width;
    private readonly int _max;
    private readonly ParquetPlace _place;
    private long _bit;

    private LevelReader(RleReader? runs, ArraySegment<byte> packed, int width, int max, ParquetPlace place)
    {
        _runs = runs;
        _packed = packed;
        _width = width;
        _max = max;
        _place = place;
    }

    /// <summary>Levels of a version 2 page, which lie in <paramref name="bytes"/> alone; null when all are 0.</summary>
    public static LevelReader? Open(ArraySegment<byte> bytes, int max, ParquetPlace place)
    {
        int width = Width(max);
        return max == 0 ? null : new LevelReader(new RleReader(bytes, width, place), default, width, max, place);
    }

    /// <summary>
    /// Levels of a version 1 page, which lie at the front of <paramref name="bytes"/> and are cut off it; null when all are 0, and then
    /// nothing is there.
    /// </summary>
    public static LevelReader? Open(ref ArraySegment<byte> bytes, PageEncoding encoding, int entries, int max, ParquetPlace place)
    {
        if (max == 0)
        {
            return null;
        }

        int width = Width(max);
        long length;
        switch (encoding)
        {
            case PageEncoding.Rle:
                if (bytes.Count < 4)
                {
                    throw place.Damaged("The levels are cut off.");
                }

                length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                bytes = bytes[4..];
                break;
            case PageEncoding.BitPacked:
                length = (((long)entries * width) + 7) / 8;
                break;
            default:
                throw place.Damaged($"The levels have the encoding {(int)encoding}, which is none for levels.");
        }

        if (length > bytes.Count)
        {
            throw place.Damaged("The levels are cut off.");
        }

        ArraySegment<byte> levels = bytes[..(int)length];
        bytes = bytes[(int)length..];
        return encoding == PageEncoding.Rle
            ? new LevelReader(new RleReader(levels, width, place), default, width, max, place)
            : new LevelReader(null, levels, width, max, place);
    }

    /// <summary>The next level.</summary>
    public int Next()
    {
        int level = _runs is not null ? _runs.Next() : NextPacked();
        return level <= _max ? level : throw _place.Damaged($"A level is {level} where {_max} is the highest.");
    }

    // The deprecated BIT_PACKED encoding: highest bit first, unlike everything newer. Open has checked the length.
    private int NextPacked()
    {
        int level = 0;
        for (int i = 0; i < _width; i++, _bit++)
        {
            if (_bit >> 3 >= _packed.Count)
            {
                throw _place.Damaged("The levels end early.");
            }

            level = (level << 1) | ((_packed[(int)(_bit >> 3)] >> (7 - (int)(_bit & 7))) & 1);
        }

        return level;
    }

    private static int Width(int max) => 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)max);
}
