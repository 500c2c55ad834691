using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Rm.Formats.Files;

/// <summary>
/// A file of JSON objects, one a line, that only grows while a run lasts: metrics.jsonl. Each line reaches the operating system at
/// once; <see cref="Sync"/> brings it to the disk. Opening drops a last line that a stopped process left torn.
/// </summary>
public sealed class AppendOnlyLog : IDisposable
{
    private const int MaxLineBytes = 16 << 20;

    private readonly string _path;
    private readonly IFileLayer _files;
    private readonly Stream _stream;

    private AppendOnlyLog(string path, IFileLayer files, Stream stream)
    {
        _path = path;
        _files = files;
        _stream = stream;
    }

    /// <summary>Bytes of a torn end that opening removed.</summary>
    public long DroppedBytes { get; private set; }

    /// <summary>
    /// Opens or makes the log. Throws <see cref="UserInputException"/> when a line in the middle is no JSON object,
    /// <see cref="SaveFailedException"/> when the file cannot be opened.
    /// </summary>
    public static AppendOnlyLog Open(string path, IFileLayer? files = null)
    {
        files ??= DiskFileLayer.Instance;
        return Guard(path, () =>
        {
            var log = new AppendOnlyLog(path, files, files.OpenFile(path));
            try
            {
                log.DropTornEnd();
                if (log._stream.Length == 0)
                {
                    // The name of a new file must survive a power cut too.
                    files.FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
                }

                return log;
            }
            catch
            {
                log.Dispose();
                throw;
            }
        });
    }

    /// <summary>Adds one JSON object, which must not hold a line break. Throws <see cref="SaveFailedException"/>.</summary>
    public void Append(string json)
    {
        if (json.AsSpan().ContainsAny('\n', '\r'))
        {
            throw new ArgumentException("a log line must not hold a line break", nameof(json));
        }

        byte[] bytes = Encoding.UTF8.GetBytes(json + "\n");
        Guard(_path, () =>
        {
            long before = _stream.Position;
            try
            {
                _stream.Write(bytes);
                _stream.Flush();
            }
            catch (IOException)
            {
                // Half a line on a full disk must not stay in front of later lines.
                _stream.SetLength(before);
                throw;
            }

            return 0;
        });
    }

    /// <summary>Returns when every line is on the disk. Throws <see cref="SaveFailedException"/>.</summary>
    public void Sync() => Guard(_path, () =>
    {
        _files.FlushToDisk(_stream);
        return 0;
    });

    /// <summary>
    /// Removes everything from the first line on whose "step" is greater than <paramref name="step"/>: a run that resumes at that step
    /// writes those lines anew. Returns the number of lines removed. Throws <see cref="SaveFailedException"/>.
    /// </summary>
    public int TruncateAfter(long step) => TruncateFrom(line => StepOf(line) > step);

    /// <summary>
    /// Removes everything from the first line on for which <paramref name="isLater"/> holds. Returns the number of lines removed. Throws
    /// <see cref="SaveFailedException"/>.
    /// </summary>
    public int TruncateFrom(Func<JsonElement, bool> isLater) => Guard(_path, () =>
    {
        long? cut = null;
        int removed = 0;
        foreach (Line line in Lines())
        {
            cut ??= IsLater(line) ? line.Start : null;
            removed += cut is null ? 0 : 1;
        }

        CutAt(cut ?? _stream.Length);
        return removed;

        bool IsLater(Line line)
        {
            using var document = JsonDocument.Parse(line.Bytes);
            return isLater(document.RootElement);
        }
    });

    /// <summary>The "step" of a line, or null when it has none.</summary>
    public static long? StepOf(JsonElement line) =>
        line.TryGetProperty("step"u8, out JsonElement step) && step.ValueKind == JsonValueKind.Number && step.TryGetInt64(out long value)
            ? value
            : null;

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private sealed record Line(long Start, int Number, ReadOnlyMemory<byte> Bytes, bool Complete);

    private void DropTornEnd()
    {
        Line? bad = null;
        foreach (Line line in Lines())
        {
            if (bad is not null)
            {
                throw new UserInputException(
                    $"{_path}: line {bad.Number} is not a JSON object; this is not a log of btrm, or it was edited.");
            }

            if (!line.Complete || !IsObject(line.Bytes))
            {
                bad = line;
                if (line.Bytes.Span.Contains((byte)0))
                {
                    break; // pages that a power cut kept from the disk read as zeros: nothing after them can be trusted
                }
            }
        }

        DroppedBytes = _stream.Length - (bad?.Start ?? _stream.Length);
        CutAt(bad?.Start ?? _stream.Length);
    }

    private void CutAt(long length)
    {
        if (length != _stream.Length)
        {
            _stream.SetLength(length);
            _files.FlushToDisk(_stream);
        }

        _stream.Position = length;
    }

    // Lines from the start of the file; the memory of a line is valid until the next one.
    private IEnumerable<Line> Lines()
    {
        _stream.Position = 0;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
        try
        {
            long position = 0; // of buffer[0] in the file
            int head = 0, filled = 0, scanned = 0, number = 0;
            while (true)
            {
                int at = buffer.AsSpan(scanned, filled - scanned).IndexOf((byte)'\n');
                if (at >= 0)
                {
                    int end = scanned + at;
                    yield return new Line(position + head, ++number, buffer.AsMemory(head, end - head), Complete: true);
                    head = scanned = end + 1;
                    continue;
                }

                buffer.AsSpan(head, filled - head).CopyTo(buffer);
                position += head;
                filled -= head;
                (head, scanned) = (0, filled);
                if (filled == buffer.Length)
                {
                    buffer = Grow(buffer, number + 1);
                }

                int read = _stream.Read(buffer, filled, buffer.Length - filled);
                if (read == 0)
                {
                    break;
                }

                filled += read;
            }

            if (filled > 0)
            {
                yield return new Line(position, ++number, buffer.AsMemory(0, filled), Complete: false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private byte[] Grow(byte[] buffer, int number)
    {
        if (buffer.Length >= MaxLineBytes)
        {
            throw new UserInputException($"{_path}: line {number} is longer than {MaxLineBytes} bytes; this is not a log of btrm.");
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent(2 * buffer.Length);
        buffer.CopyTo(larger.AsSpan());
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private static bool IsObject(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not SaveFailedException)
        {
            throw new SaveFailedException(
                $"{path}: cannot be written: {(SaveFailedException.IsDiskFull(e) ? "the disk is full; free some space." : e.Message)}", e);
        }
    }
}
