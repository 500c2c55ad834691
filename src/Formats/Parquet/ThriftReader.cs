using System.Text;

namespace Rm.Formats.Parquet;

/// <summary>
/// Reads structures of Thrift's compact protocol, in which Parquet writes its footer and page headers. Never reads beyond its bytes and
/// never believes a count that they cannot hold. Source: the Thrift compact protocol specification.
/// </summary>
internal ref struct ThriftReader
{
    // Deeper nesting than any Parquet structure has; unknown fields are skipped recursively.
    private const int MaxDepth = 32;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ParquetPlace _place;

    public ThriftReader(ReadOnlySpan<byte> bytes, ParquetPlace place)
    {
        _bytes = bytes;
        _place = place;
    }

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>True when an error came from the end of the bytes rather than from what they say, so that more bytes may help.</summary>
    public bool RanOut { get; private set; }

    /// <summary>
    /// The next field of the structure that began with <paramref name="id"/> 0; false at its end. <paramref name="id"/> is the previous
    /// field's going in.
    /// </summary>
    public bool NextField(ref int id, out ThriftType type)
    {
        int head = ReadByte();
        type = (ThriftType)(head & 15);
        if (type == ThriftType.Stop)
        {
            return false;
        }

        int delta = head >> 4;
        id = delta != 0 ? id + delta : (int)ReadInteger() & 0xFFFF;
        return true;
    }

    /// <summary>A whole number of any width.</summary>
    public long ReadInteger()
    {
        ulong raw = ReadVarint();
        return (long)(raw >> 1) ^ -(long)(raw & 1);
    }

    /// <summary>A whole number that must lie in int32.</summary>
    public int ReadInt32()
    {
        long value = ReadInteger();
        return value is >= int.MinValue and <= int.MaxValue
            ? (int)value
            : throw _place.Damaged($"A number in its structure ({value}) is out of range.");
    }

    /// <summary>A whole number that must lie in 0 to <see cref="int.MaxValue"/>; <paramref name="what"/> names it.</summary>
    public int ReadCount(string what)
    {
        long value = ReadInteger();
        return value is >= 0 and <= int.MaxValue ? (int)value : throw _place.Damaged($"The {what} is {value}.");
    }

    /// <summary>A true/false field, whose value is its type.</summary>
    public static bool ReadBoolean(ThriftType type) => type == ThriftType.True;

    /// <summary>The bytes of a string or binary field.</summary>
    public ReadOnlySpan<byte> ReadBinary()
    {
        ulong length = ReadVarint();
        return Take(length);
    }

    /// <summary>A string that must be UTF-8.</summary>
    public string ReadString()
    {
        ReadOnlySpan<byte> bytes = ReadBinary();
        return System.Text.Unicode.Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : throw _place.Damaged("A name in its structure is not UTF-8.");
    }

    /// <summary>The head of a list: its element type and a count that the remaining bytes can hold.</summary>
    public int ReadListHead(out ThriftType element)
    {
        int head = ReadByte();
        element = (ThriftType)(head & 15);
        ulong count = (ulong)(head >> 4);
        if (count == 15)
        {
            count = ReadVarint();
        }

        if (count > (ulong)(_bytes.Length - Position))
        {
            RanOut = true;
            throw _place.Damaged($"A list of its structure claims {count} elements, more than there are bytes.");
        }

        return (int)count;
    }

    /// <summary>The head of a list whose elements must be of one type.</summary>
    public int ReadListHead(ThriftType expected)
    {
        int count = ReadListHead(out ThriftType element);
        return element == expected || count == 0
            ? count
            : throw _place.Damaged($"A list of its structure has elements of type {(int)element}.");
    }

    /// <summary>Throws unless a field has the type that its meaning needs.</summary>
    public readonly void Expect(ThriftType type, ThriftType expected, string what)
    {
        bool fits = type == expected
            || (expected == ThriftType.Int32 && type is ThriftType.Int16 or ThriftType.Int64)
            || (expected == ThriftType.True && type == ThriftType.False);
        if (!fits)
        {
            throw _place.Damaged($"The {what} has type {(int)type} in the file's structure.");
        }
    }

    /// <summary>Skips a field's value.</summary>
    public void Skip(ThriftType type) => Skip(type, 0, inList: false);

    private void Skip(ThriftType type, int depth, bool inList)
    {
        if (depth > MaxDepth)
        {
            throw _place.Damaged("Its structure is nested too deep.");
        }

        switch (type)
        {
            case ThriftType.True or ThriftType.False:
                Take(inList ? 1UL : 0);
                break;
            case ThriftType.Byte:
                Take(1);
                break;
            case ThriftType.Int16 or ThriftType.Int32 or ThriftType.Int64:
                ReadVarint();
                break;
            case ThriftType.Double:
                Take(8);
                break;
            case ThriftType.Binary:
                ReadBinary();
                break;
            case ThriftType.Uuid:
                Take(16);
                break;
            case ThriftType.List or ThriftType.Set:
                for (int left = ReadListHead(out ThriftType element); left > 0; left--)
                {
                    Skip(element, depth + 1, inList: true);
                }

                break;
            case ThriftType.Map:
                SkipMap(depth);
                break;
            case ThriftType.Struct:
                int id = 0;
                while (NextField(ref id, out ThriftType field))
                {
                    Skip(field, depth + 1, inList: false);
                }

                break;
            default:
                throw _place.Damaged($"Its structure has a field of unknown type {(int)type}.");
        }
    }

    private void SkipMap(int depth)
    {
        ulong count = ReadVarint();
        if (count == 0)
        {
            return;
        }

        int types = ReadByte();
        if (count > (ulong)(_bytes.Length - Position))
        {
            RanOut = true;
            throw _place.Damaged($"A map of its structure claims {count} entries, more than there are bytes.");
        }

        for (ulong i = 0; i < count; i++)
        {
            Skip((ThriftType)(types >> 4), depth + 1, inList: true);
            Skip((ThriftType)(types & 15), depth + 1, inList: true);
        }
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            int next = ReadByte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw _place.Damaged("A number in its structure has too many bytes.");
    }

    private int ReadByte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_bytes.Length - Position))
        {
            RanOut = true;
            throw _place.Damaged("Its structure is cut off.");
        }

        ReadOnlySpan<byte> taken = _bytes.Slice(Position, (int)count);
        Position += (int)count;
        return taken;
    }
}
