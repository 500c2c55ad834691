using System.Buffers.Binary;

namespace Rm.Host.Tests.Parquet;

/// <summary>
/// Writes a Parquet file of one row group and one data page per leaf out of bytes that the test gives, for shapes that no writer at hand
/// makes and for claims that none would.
/// </summary>
internal sealed class HandmadeFile
{
    private readonly List<byte> _schema = [];
    private readonly List<(byte[] Page, int Entries)> _pages = [];
    private int _elements;

    public int Rows { get; init; } = 1;

    /// <summary>Field of the column chunks that says that they are elsewhere (1) or encrypted (8).</summary>
    public int Special { get; init; }

    /// <summary>
    /// A group of <paramref name="children"/> elements that follow; the root comes first. Converted types: 1 map, 3 list.
    /// </summary>
    public HandmadeFile Group(string name, int repetition, int children, int converted = -1)
    {
        List<byte> element = [.. Int(3, repetition), .. Text(1, name), .. Int(1, children)];
        return Element(element, 5, converted);
    }

    /// <summary>
    /// A leaf of 32-bit numbers (type 1) or bytes (type 6) with its page: levels, each behind its length, and PLAIN values.
    /// </summary>
    public HandmadeFile Leaf(string name, int repetition, int type, int entries, byte[] page)
    {
        _pages.Add((page, entries));
        return Element([.. Int(1, type), .. Int(2, repetition), .. Text(1, name)], 4, -1);
    }

    /// <summary>Levels in a run encoding of their own, behind their length.</summary>
    public static byte[] Levels(params byte[] runs)
    {
        byte[] bytes = new byte[4 + runs.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, runs.Length);
        runs.CopyTo(bytes, 4);
        return bytes;
    }

    public byte[] Build()
    {
        List<byte> file = [.. "PAR1"u8];
        List<byte> chunks = [];
        foreach ((byte[] page, int entries) in _pages)
        {
            int offset = file.Count;
            file.AddRange(
            [
                .. Int(1, 0), .. Int(1, page.Length), .. Int(1, page.Length),
                0x2C, .. Int(1, entries), .. Int(1, 0), .. Int(1, 3), .. Int(1, 3), 0, 0,
            ]);
            file.AddRange(page);
            byte[] metadata =
                [.. Int(1, 1), .. Int(3, 0), .. Int(1, entries, 6), .. Int(2, file.Count - offset, 6), .. Int(2, offset, 6), 0];
            chunks.AddRange(Special == 1 ? [.. Text(1, "elsewhere.parquet"), 0x2C] : [0x3C]);
            chunks.AddRange([.. metadata, .. Special == 8 ? (byte[])[0x5C, 0, 0] : [0]]);
        }

        byte[] footer =
        [
            .. Int(1, 1), .. List(1, _elements), .. _schema, .. Int(1, Rows, 6), .. List(1, 1),
            .. List(1, _pages.Count), .. chunks, .. Int(2, Rows, 6), 0, 0,
        ];
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, footer.Length);
        return [.. file, .. footer, .. length, .. "PAR1"u8];
    }

    private HandmadeFile Element(List<byte> element, int last, int converted)
    {
        _schema.AddRange([.. element, .. converted >= 0 ? Int(6 - last, converted) : [], 0]);
        _elements++;
        return this;
    }

    // Field heads of the compact protocol: the distance to the field before, and the type.
    private static byte[] Int(int distance, long value, int type = 5) => [(byte)((distance << 4) | type), .. ZigZag(value)];

    private static byte[] Text(int distance, string text) => [(byte)((distance << 4) | 8), (byte)text.Length, .. text.Select(c => (byte)c)];

    private static byte[] List(int distance, int count) => [(byte)((distance << 4) | 9), 0xFC, .. Varint((ulong)count)];

    private static byte[] ZigZag(long value) => Varint((ulong)((value << 1) ^ (value >> 63)));

    private static byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        return [.. bytes];
    }
}
