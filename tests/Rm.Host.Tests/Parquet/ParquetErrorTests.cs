using System.Text;
using Rm.Formats;
using Rm.Formats.Rows;
using Rm.Host.Tests.Data;

namespace Rm.Host.Tests.Parquet;

/// <summary>What cannot be read says where and why.</summary>
public sealed class ParquetErrorTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AWrongChecksumNamesFileColumnAndPage()
    {
        string error = Error(() => ParquetFiles.Read("apache/datapage_v1-corrupt-checksum.parquet"));

        Assert.Contains("datapage_v1-corrupt-checksum.parquet, column 'a', row group 0, page 0", error, StringComparison.Ordinal);
        Assert.Contains("checksum", error, StringComparison.Ordinal);
    }

    [Fact]
    public void OneChangedByteUnderAChecksumIsFound()
    {
        byte[] bytes = ParquetFiles.Bytes("made/messages.crc.parquet");
        List<DataRow> rows = ParquetFiles.Read(bytes);
        int changed = 0, found = 0;
        // The first column's first pages lie behind the magic; a header's own bytes have no checksum.
        for (int at = 40; at < 240; at += 8)
        {
            byte[] mutated = [.. bytes];
            mutated[at] ^= 4;
            changed++;
            try
            {
                Assert.Equal(rows.Count, ParquetFiles.Read(mutated).Count);
            }
            catch (UserInputException)
            {
                found++;
            }
        }

        Assert.True(found > changed / 2, $"{found} of {changed}");
    }

    [Theory]
    [InlineData("made/messages.lz4.parquet")]
    [InlineData("made/messages.lz4.v2.parquet")]
    public void AnotherCompressionIsNamed(string file)
    {
        string error = Error(() => ParquetFiles.Read(file));

        Assert.Contains("column 'prompt', row group 0, page 0: Compression LZ4_RAW is not read. Write", error, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryTruncationIsAnError()
    {
        byte[] bytes = ParquetFiles.Bytes("apache/nested_lists.snappy.parquet");
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.StartsWith("memory.parquet: ", Error(() => ParquetFiles.Read(bytes[..length])), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void OtherFilesAreNamed()
    {
        AssertError("PAR1", "{\"prompt\": \"no Parquet file\"}");
        AssertError("encrypted", "PARE0000PARE");
        AssertError("footer claims", "PAR1\u00FF\u00FF\u00FF\u007FPAR1");
        string packed = _folder.Write("rows.parquet.gz", ParquetFiles.Bytes("apache/single_nan.parquet"));
        Assert.Contains("Unpack", Error(() => Rows.Read(packed)), StringComparison.Ordinal);
    }

    [Fact]
    public void TextThatIsNotUtf8IsAnError()
    {
        byte[] bytes = ParquetFiles.Bytes("made/messages.none.parquet");
        int at = bytes.AsSpan().IndexOf("größer"u8);
        bytes[at + 2] = 0xFF;

        Assert.Contains("not valid UTF-8", Error(() => ParquetFiles.Read(bytes)), StringComparison.Ordinal);
    }

    [Fact]
    public void AFooterOfAnotherRowCountIsAnError()
    {
        byte[] bytes = ParquetFiles.Bytes("apache/binary.parquet");
        // version 1, then the schema, then field 3: 12 rows as a zigzag varint.
        int at = bytes.AsSpan().LastIndexOf([(byte)0x16, (byte)24, (byte)0x19]);
        bytes[at + 1] = 22;

        Assert.Contains("row groups have 12 rows, its footer says 11", Error(() => ParquetFiles.Read(bytes)), StringComparison.Ordinal);
    }

    [Fact]
    public void ANanMarginIsNoNumber()
    {
        DataRow row = ParquetFiles.Read("apache/single_nan.parquet")[0];

        // Arrow calls it null: the writer left the value out.
        Assert.False(row.Has("mycol"));
        Assert.Equal("NaN", ParquetFiles.Read("made/types.parquet")[1].Columns["f64"].GetString());
        Assert.Throws<UserInputException>(() => ParquetFiles.Read("made/types.parquet")[1].GetOptionalNumber("f64"));
    }

    [Fact]
    public void BytesThatAreNoTextCannotBeTakenForText()
    {
        DataRow row = ParquetFiles.Read("made/types.parquet")[1];

        Assert.Contains("must be a string, not an object", Error(() => row.GetText("bytes")), StringComparison.Ordinal);
    }

    private static void AssertError(string expected, string file) =>
        Assert.Contains(expected, Error(() => ParquetFiles.Read(Encoding.Latin1.GetBytes(file))), StringComparison.Ordinal);

    private static string Error(Action action) => Assert.Throws<UserInputException>(action).Message;
}
