using System.Buffers.Binary;
using System.Text;

namespace Rm.Host.Tests.Reporting;

/// <summary>An event as a reader of event files sees it.</summary>
internal sealed record ReadEvent
{
    public double WallTime { get; set; }

    public long Step { get; set; }

    public string? FileVersion { get; set; }

    public bool IsSessionStart { get; set; }

    public Dictionary<string, float> Scalars { get; } = new(StringComparer.Ordinal);

    public Dictionary<string, ReadHistogram> Histograms { get; } = new(StringComparer.Ordinal);
}

/// <summary>A HistogramProto.</summary>
internal sealed record ReadHistogram(
    double Min, double Max, double Count, double Sum, double SumOfSquares, double[] Limits, double[] Buckets);

/// <summary>
/// Reads event files from the definition of their format alone: TFRecord framing, CRC-32C bit by bit from its polynomial, and a general
/// reading of protocol-buffer fields. Nothing of the writer is used.
/// </summary>
internal static class EventReader
{
    public static List<ReadEvent> Read(string path)
    {
        ReadOnlySpan<byte> file = File.ReadAllBytes(path);
        var events = new List<ReadEvent>();
        while (file.Length > 0)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
            Assert.Equal(Masked(file[..8]), BinaryPrimitives.ReadUInt32LittleEndian(file[8..]));
            ReadOnlySpan<byte> content = file.Slice(12, length);
            Assert.Equal(Masked(content), BinaryPrimitives.ReadUInt32LittleEndian(file[(12 + length)..]));
            events.Add(Event(content));
            file = file[(16 + length)..];
        }

        return events;
    }

    /// <summary>CRC-32C: reflected polynomial 0x82F63B78, all ones in and out; then as TFRecord masks it.</summary>
    public static uint Masked(ReadOnlySpan<byte> bytes)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
    }

    private static ReadEvent Event(ReadOnlySpan<byte> message)
    {
        var result = new ReadEvent();
        foreach (Field field in Fields(message))
        {
            switch (field.Number)
            {
                case 1: result.WallTime = field.AsDouble(); break;
                case 2: result.Step = (long)field.Varint; break;
                case 3: result.FileVersion = Encoding.UTF8.GetString(field.Bytes); break;
                case 5: Summary(field.Bytes, result); break;
                case 7: result.IsSessionStart = Fields(field.Bytes).Any(f => f is { Number: 1, Varint: 1 }); break;
                default: Assert.Fail($"Event has no field {field.Number} here"); break;
            }
        }

        return result;
    }

    private static void Summary(byte[] message, ReadEvent result)
    {
        foreach (Field value in Fields(message))
        {
            Assert.Equal(1, value.Number);
            List<Field> fields = Fields(value.Bytes);
            string tag = Encoding.UTF8.GetString(fields.Single(f => f.Number == 1).Bytes);
            if (fields.Find(f => f.Number == 2) is { } scalar)
            {
                Assert.Equal(5, scalar.WireType);
                result.Scalars.Add(tag, BinaryPrimitives.ReadSingleLittleEndian(scalar.Bytes));
            }
            else
            {
                List<Field> h = Fields(fields.Single(f => f.Number == 5).Bytes);
                double One(int number) => h.Single(f => f.Number == number).AsDouble();
                double[] Many(int number) =>
                    [.. h.Single(f => f.Number == number).Bytes.Chunk(8).Select(b => BinaryPrimitives.ReadDoubleLittleEndian(b))];
                result.Histograms.Add(tag, new ReadHistogram(One(1), One(2), One(3), One(4), One(5), Many(6), Many(7)));
            }
        }
    }

    private sealed record Field(int Number, int WireType, ulong Varint, byte[] Bytes)
    {
        public double AsDouble()
        {
            Assert.Equal(1, WireType);
            return BinaryPrimitives.ReadDoubleLittleEndian(Bytes);
        }
    }

    private static List<Field> Fields(ReadOnlySpan<byte> message)
    {
        var fields = new List<Field>();
        while (message.Length > 0)
        {
            ulong key = Varint(ref message);
            int type = (int)(key & 7);
            ulong value = type == 0 ? Varint(ref message) : 0;
            int length = type switch
            {
                0 => 0,
                1 => 8,
                5 => 4,
                2 => (int)Varint(ref message),
                _ =>
                throw new InvalidDataException($"wire type {type}")
            };
            fields.Add(new Field((int)(key >> 3), type, value, message[..length].ToArray()));
            message = message[length..];
        }

        return fields;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte b = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }
    }
}
