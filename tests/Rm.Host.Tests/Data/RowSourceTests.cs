using System.Text;
using Rm.Formats.Datasets;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

public sealed class RowSourceTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.json")]
    public void JsonLinesKeepLineNumbersOverBlankLinesMarksAndCrLf(string name)
    {
        List<DataRow> rows = Rows.Read(_folder.Write(name, "\uFEFF{\"text\":\"a\"}\r\n\r\n  \n{\"text\":\"b\"}\n{\"text\":\"c\"}"));

        Assert.Equal([1L, 4, 5], rows.Select(row => row.Line));
        Assert.Equal(["a", "b", "c"], rows.Select(row => row.GetText("text")));
    }

    [Theory]
    [InlineData("a.json", "[\n {\"text\":\"a\"},\n\n {\"text\":\n\"b\"} ]\n", 4)]
    [InlineData(
        "a.json.gz", "\uFEFF{\"version\": [1, {\"data\": []}],\n\"data\":[{\"text\":\"a\"},{\"text\":\"b\"}], \"more\": {\"x\": 1}}", 2)]
    [InlineData("a.json", "{\"rows\":[{\"text\":\"a\"}\n,{\"text\":\"b\"}]}", 2)]
    public void JsonListsAreFoundAtTheTopOrUnderDataOrRows(string name, string text, long secondLine)
    {
        List<DataRow> rows = Rows.Read(_folder.Write(name, text));

        Assert.Equal(["a", "b"], rows.Select(row => row.GetText("text")));
        Assert.Equal(secondLine, rows[1].Line);
    }

    [Fact]
    public void AJsonElementLargerThanTheBufferIsReadWhole()
    {
        string big = new('x', 300_000);
        List<DataRow> rows =
            Rows.Read(_folder.Write("a.json", $"[{{\"text\":\"{big}\"}},\n{{\"text\":\"small\"}},{{\"text\":\"{big}\"}}]"));

        Assert.Equal([big, "small", big], rows.Select(row => row.GetText("text")));
        Assert.Equal([1L, 2, 2], rows.Select(row => row.Line));
    }

    [Theory]
    [InlineData("a.csv", "\n")]
    [InlineData("a.csv.gz", "\r\n")]
    public void CsvKeepsQuotedLineEndsCommasAndQuotesVerbatim(string name, string eol)
    {
        string text = $"\uFEFFprompt,chosen,rejected{eol}\"p, \"\"q\"\"\",\"first{eol}second\",{eol}{eol}  p2 ,c2,r2{eol}";
        List<DataRow> rows = Rows.Read(_folder.Write(name, text));

        Assert.Equal(2, rows.Count);
        Assert.Equal("p, \"q\"", rows[0].GetText("prompt"));
        Assert.Equal($"first{eol}second", rows[0].GetText("chosen"));
        Assert.Equal("", rows[0].GetText("rejected"));
        Assert.Equal("  p2 ", rows[1].GetText("prompt"));
        Assert.Equal([2L, 5], rows.Select(row => row.Line));
    }

    [Theory]
    [InlineData("a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"\n", "line 2", "not valid JSON")]
    [InlineData("a.jsonl", "{\"text\":\"a\"}\n[1]\n", "line 2", "not a list")]
    [InlineData("a.jsonl", "{\"\\ud800\":1}\n", "line 1", "column name")]
    [InlineData("a.jsonl", "{\"text\":\"a\"} {\"text\":\"b\"}\n", "line 1", "not valid JSON")]
    [InlineData("a.json", "[{\"text\":\"a\"},\n{\"text\":\"b\"}", "line 2", "not valid JSON")]
    [InlineData("a.json", "[{\"text\":\"a\"}]\n]", "line 2", "not valid JSON")]
    [InlineData("a.json", "{\"a\":1,\n\"b\":[{}]}", "'a', 'b'", "\"data\"")]
    [InlineData("a.json", "\"text\"", "line 1", "list of rows")]
    [InlineData("a.json", "", "line 1", "not valid JSON")]
    [InlineData("a.json", "[\n5]", "line 2", "not a number")]
    [InlineData("a.csv", "a,b\n1,2\n1,2,3\n", "line 3", "not valid CSV")]
    [InlineData("a.csv", "a,b\n1,\"2\n1,2\n", "line 2", "not valid CSV")]
    [InlineData("a.csv", "a,b\n1,\"2\"x\n", "line 2", "not valid CSV")]
    [InlineData("a.csv", "a,a\n1,2\n", "line 1", "'a' twice")]
    public void ErrorsNameFileAndLine(string name, string text, string where, string what)
    {
        string path = _folder.Write(name, text);
        string message = Rows.Error(() => Rows.Read(path));

        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(where, message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jsonl", "{\"text\":\"a\"}\n{\"text\":\"#\"}\n")]
    [InlineData("a.json", "[{\"text\":\"a\"},\n{\"text\":\"#\"}]\n")]
    [InlineData("a.csv", "text\n\"#\"\n")]
    public void BytesThatAreNotUtf8NameTheLine(string name, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        bytes[Array.IndexOf(bytes, (byte)'#')] = 0xE9;
        string path = _folder.Write(name, bytes);

        Assert.Equal($"{path}, line 2: the bytes are not UTF-8. Save the file as UTF-8.", Rows.Error(() => Rows.Read(path)));
    }

    [Fact]
    public void Utf16IsNamed()
    {
        string path = _folder.Write("a.jsonl", [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("{\"text\":\"a\"}\n")]);

        Assert.Contains("UTF-16", Rows.Error(() => Rows.Read(path)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.json.gz")]
    [InlineData("a.csv.gz")]
    public void DamagedAndCutOffGzipIsANamedError(string name)
    {
        string lines = string.Concat(Enumerable.Range(0, 500).Select(i => $"{{\"text\":\"{i * 7919}\"}}\n"));
        byte[] bytes = ScratchFolder.Gzip(Encoding.UTF8.GetBytes(lines));
        string notGzip = _folder.WriteRaw(name, Encoding.UTF8.GetBytes("{\"text\":\"plain\"}\n"));
        Assert.StartsWith(notGzip, Rows.Error(() => Rows.Read(notGzip)), StringComparison.Ordinal);

        string cut = _folder.WriteRaw("cut-" + name, bytes[..(bytes.Length / 2)]);
        Assert.StartsWith(cut, Rows.Error(() => Rows.Read(cut)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jsonl.gz", "")]
    [InlineData("a.json.gz", "[\"")]
    [InlineData("a.csv.gz", "text\n\"")]
    public void AnEndlessLineInASmallGzipIsANamedErrorBeforeItFillsMemory(string name, string head)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(compressed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes(head));
            byte[] block = new byte[1 << 20];
            Array.Fill(block, (byte)'x');
            for (int i = 0; i < 150; i++)
            {
                gzip.Write(block);
            }
        }

        string path = _folder.WriteRaw(name, compressed.ToArray());

        Assert.Contains(name == "a.csv.gz" ? "line 2" : "64 MB", Rows.Error(() => Rows.Read(path)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jsonl", "{\"text\":\"a\"}\nbroken\n")]
    [InlineData("a.json", "[{\"text\":\"a\"}, broken")]
    [InlineData("a.csv", "text\na\nb,c\n")]
    public void TakingAFewRowsDoesNotReadFurther(string name, string text)
    {
        string path = _folder.Write(name, text);

        Assert.Equal("a", RowSource.OpenFile(path).Read().First().GetText("text"));
        Rows.Error(() => Rows.Read(path));
    }

    [Fact]
    public void FilesThatCannotBeReadAreNamed()
    {
        Assert.Contains(
            "no such file", Rows.Error(() => RowSource.OpenFile(Path.Combine(_folder.Path, "none.jsonl"))), StringComparison.Ordinal);
        Assert.Contains("is a folder", Rows.Error(() => RowSource.OpenFile(_folder.Path)), StringComparison.Ordinal);
        Assert.Contains(".jsonl", Rows.Error(() => RowSource.OpenFile(_folder.Write("a.xlsx", "x"))), StringComparison.Ordinal);
        Assert.Contains("Parquet", Rows.Error(() => Rows.Read(_folder.Write("a.parquet", "x"))), StringComparison.Ordinal);
        Assert.Contains("hub", Rows.Error(() => DatasetRows.Open("Anthropic/hh-rlhf", "train")), StringComparison.Ordinal);
    }
}
