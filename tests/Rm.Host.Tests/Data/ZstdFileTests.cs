using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>Row files that are compressed with Zstandard as a whole.</summary>
public sealed class ZstdFileTests : IDisposable
{
    private static readonly string Golden = Path.Combine(TestPaths.Golden, "data");
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rows_of_all_frames_are_read()
    {
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
        Assert.Contains("64 MB", Rows.Error(() => Rows.Read(Path.Combine(Golden, "endless.jsonl.zst"))), StringComparison.Ordinal);
    }

    /// <summary>Both decoders give the same bytes, however small the pieces, and neither takes damage for data.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Both_decoders_read_all_frames(bool ofSystem)
    {
        using ZstdDecoder? decoder = ofSystem ? SystemZstdDecoder.TryCreate() : new ManagedZstdDecoder();
        Assert.SkipWhen(decoder is null, "This system has no libzstd: only the managed decoder is there.");
        byte[] compressed = File.ReadAllBytes(Path.Combine(Golden, "two-frames.jsonl.zst"));
        foreach (int piece in new[] { 1 << 16, 777 })
        {
            decoder.Reset();
            using var text = new MemoryStream();
            byte[] output = new byte[piece];
            ReadOnlySpan<byte> input = compressed;
            bool ended = false;
            while (!input.IsEmpty)
            {
                int written = decoder.Decode(ref input, output, out ended);
                Assert.InRange(written, 0, piece);
                text.Write(output, 0, written);
            }

            // A decoder may go from one frame into the next in one call; what counts is that the input does not end within one.
            Assert.True(ended);
            Assert.Equal(4000, text.ToArray().AsSpan().Count((byte)'\n'));
        }

        decoder.Reset();
        compressed[2] ^= 0x10;
        ReadOnlySpan<byte> damaged = compressed;
        Assert.Equal(-1, decoder.Decode(ref damaged, new byte[1 << 16], out _));
    }
}
