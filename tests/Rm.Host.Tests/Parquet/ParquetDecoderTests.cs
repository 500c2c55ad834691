using System.IO.Compression;
using System.Text;
using Rm.Formats;
using Rm.Formats.Parquet;

namespace Rm.Host.Tests.Parquet;

/// <summary>Decoders on bytes written by hand from the format's description.</summary>
public class ParquetDecoderTests
{
    private static readonly ParquetPlace Place = new("x.parquet", "c");

    [Fact]
    public void RunsAndBitPackedGroupsFollowEachOther()
    {
        // Three times 4 as a run, then the format's own example: 0 to 7 in 3 bits, lowest bit first.
        byte[] bytes = [3 << 1, 4, (1 << 1) | 1, 0b10001000, 0b11000110, 0b11111010];
        var reader = new RleReader(bytes, 3, Place);

        Assert.Equal([4, 4, 4, 0, 1, 2, 3, 4, 5, 6, 7], Enumerable.Range(0, 11).Select(_ => reader.Next()));
        Assert.Throws<UserInputException>(() => reader.Next());
    }

    [Fact]
    public void DeprecatedBitPackedLevelsHaveTheHighestBitFirst()
    {
        // The format's own example: 0 to 7 in 3 bits.
        ArraySegment<byte> bytes = new byte[] { 0b00000101, 0b00111001, 0b01110111, 99 };
        LevelReader levels = LevelReader.Open(ref bytes, PageEncoding.BitPacked, 8, 7, Place)!;

        Assert.Equal(Enumerable.Range(0, 8), Enumerable.Range(0, 8).Select(_ => levels.Next()));
        Assert.Equal([99], bytes.ToArray());
    }

    [Fact]
    public void ALevelAboveTheHighestIsRefused()
    {
        LevelReader levels = LevelReader.Open(new byte[] { 1 << 1, 3 }, 2, Place)!;

        Assert.Throws<UserInputException>(() => levels.Next());
    }

    [Fact]
    public void DeltasFollowTheFormatsExample()
    {
        // 7, 5, 3, 1, 2, 3, 4, 5: least difference -2, the others 0 0 0 3 3 3 3 in 2 bits; blocks of 128 values in 4 parts.
        byte[] bytes = [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b11000000, 0b00111111, 0, 0, 0, 0, 0, 0, 77];
        var reader = new DeltaReader(bytes, Place);

        Assert.Equal([7, 5, 3, 1, 2, 3, 4, 5], Enumerable.Range(0, 8).Select(_ => reader.Next()));
        Assert.Equal(18, DeltaReader.FindEnd(bytes, Place));
        Assert.Throws<UserInputException>(() => reader.Next());
    }

    [Fact]
    public void BillionsOfClaimedLengthsCostNoMoreThanTheirBytes()
    {
        // One block header for 65,536 values without bits, and a count of two billion: the end must be found by bytes and refused.
        byte[] bytes = [0x80, 0x80, 4, 1, 0xFF, 0xFF, 0xFF, 0xFF, 7, 0, 0, 0];

        Assert.Throws<UserInputException>(() => new DeltaLengthDecoder(bytes, Place));
    }

    [Theory]
    [InlineData("", 0u)]
    [InlineData("123456789", 0xCBF43926u)]
    [InlineData("The quick brown fox jumps over the lazy dog", 0x414FA339u)]
    public void ChecksumsAreThoseOfGzip(string text, uint expected) => Assert.Equal(expected, Crc32.Of(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void SnappyCopiesMayReachIntoThemselves()
    {
        // 11 bytes: the literal "ab", then 9 bytes from 2 back.
        byte[] output = new byte[11];

        Assert.True(SnappyDecoder.TryDecode([11, 1 << 2, (byte)'a', (byte)'b', ((9 - 4) << 2) | 1, 2], output));
        Assert.Equal("abababababa", Encoding.ASCII.GetString(output));
    }

    [Theory]
    [InlineData(new byte[] { 3, 0, 97 })] // ends early
    [InlineData(new byte[] { 3, 0, 97, (1 << 2) | 2, 0, 0 })] // copies from 0 back
    [InlineData(new byte[] { 3, 0, 97, (1 << 2) | 2, 2, 0 })] // copies from before the beginning
    [InlineData(new byte[] { 3, 0, 97, (2 << 2) | 2, 1, 0 })] // longer than it says
    [InlineData(new byte[] { 3, 63 << 2, 255, 255, 255, 255, 97 })] // a literal of 4 GiB
    [InlineData(new byte[] { 4, 3 << 2, 97, 97, 97, 97 })] // of another length than the page
    [InlineData(new byte[] { 255, 255, 255, 255, 255 })] // no length
    public void DamagedSnappyIsRefused(byte[] input) => Assert.False(SnappyDecoder.TryDecode(input, new byte[3]));

    [Fact]
    public void ABombIsRefusedBeforeItsClaimIsAllocated()
    {
        using var decompressor = new PageDecompressor(CompressionCodec.Gzip, Place);
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(new byte[1000]);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<UserInputException>(() => decompressor.Decompress(packed.ToArray(), 200 << 20));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Theory]
    [InlineData(0, "1970-01-01")]
    [InlineData(-1, "1969-12-31")]
    [InlineData(11016, "2000-02-29")]
    [InlineData(2932896, "9999-12-31")]
    [InlineData(2932897, "+10000-01-01")]
    [InlineData(-719528, "0000-01-01")]
    [InlineData(-719529, "-0001-12-31")]
    [InlineData(int.MaxValue, "+5881580-07-11")]
    [InlineData(int.MinValue, "-5877641-06-23")]
    public void DatesReachBeyondTheYear9999(long days, string expected) =>
        Assert.Equal(expected, Format(new(ValueKind.Date), PhysicalType.Int32, days));

    [Theory]
    [InlineData(long.MaxValue, 3, "+292278994-08-17T07:12:55.807")]
    [InlineData(long.MinValue, 9, "1677-09-21T00:12:43.145224192")]
    [InlineData(-1, 6, "1969-12-31T23:59:59.999999")]
    public void TimestampsReachTheirWholeRange(long units, int digits, string expected) =>
        Assert.Equal(expected, Format(new(ValueKind.Timestamp, Scale: digits), PhysicalType.Int64, units));

    [Theory]
    [InlineData(-5, 0, "-5")]
    [InlineData(-5, 3, "-0.005")]
    [InlineData(123456, 3, "123.456")]
    [InlineData(long.MinValue, 18, "-9.223372036854775808")]
    public void DecimalsKeepTheirDigits(long unscaled, int scale, string expected) =>
        Assert.Equal(expected, Format(new(ValueKind.Decimal, Scale: scale), PhysicalType.Int64, unscaled));

    private static string Format(Annotation annotation, PhysicalType type, long bits)
    {
        byte[] output = new byte[ScalarText.MaxBytes];
        int length = ScalarText.Format(new LeafColumn("c", type, 0, annotation, 0, 0), new ColumnValue { Bits = bits }, output, out _);
        return Encoding.ASCII.GetString(output, 0, length);
    }
}
