using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>Row files that are compressed with Zstandard as a whole.</summary>
public sealed class ZstdFileTests : IDisposable
{
    private static readonly string Golden = Path.Combine(TestPaths.Golden, "data");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rows_of_all_frames_are_read()
    {
        RequireLibrary();
        List<DataRow> rows = Rows.Read(Path.Combine(Golden, "two-frames.jsonl.zst"));
        Assert.Equal(4000, rows.Count);
        for (int i = 0; i < rows.Count; i++)
        {
            Assert.Equal($"row {i} " + string.Concat(Enumerable.Repeat($"{i * 7919}", i % 5)), rows[i].GetText("text"));
            Assert.Equal(i + 1, rows[i].Line);
        }
    }

    [Fact]
    public void A_file_that_is_cut_off_or_damaged_is_a_named_error()
    {
        RequireLibrary();
        byte[] whole = File.ReadAllBytes(Path.Combine(Golden, "two-frames.jsonl.zst"));
        var random = new Random(3);
        int errors = 0;
        for (int i = 0; i < 40; i++)
        {
            byte[] bytes = (byte[])whole.Clone();
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            bytes = i % 2 == 0 ? whole[..random.Next(1, whole.Length)] : bytes;
            string path = _folder.WriteRaw("damaged.jsonl.zst", bytes);
            try
            {
                Rows.Read(path);
            }
            catch (UserInputException e)
            {
                Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
                errors++;
            }
        }

        // A frame's end is the only place to cut unnoticed, and the second frame has no checksum.
        Assert.InRange(errors, 25, 40);
        string plain = _folder.WriteRaw("plain.jsonl.zst", "{\"text\":\"plain\"}\n"u8.ToArray());
        Assert.Contains("not a Zstandard stream", Rows.Error(() => Rows.Read(plain)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_endless_line_in_a_small_file_is_a_named_error_before_it_fills_memory()
    {
        RequireLibrary();
        Assert.Contains("64 MB", Rows.Error(() => Rows.Read(Path.Combine(Golden, "endless.jsonl.zst"))), StringComparison.Ordinal);
    }

    private static void RequireLibrary()
    {
        using ZstdDecoder? decoder = ZstdDecoder.TryCreate();
        Assert.SkipWhen(decoder is null, "This system has no libzstd.so.1.");
    }
}
