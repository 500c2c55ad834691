using System.Text.Unicode;

namespace Rm.Formats.Files;

/// <summary>
/// Reads a UTF-8 stream line by line. A line ends at LF; a byte-order mark at the start is removed; memory is bounded by
/// <see cref="InputFile.MaxRowBytes"/>.
/// </summary>
internal sealed class Utf8LineReader(Stream stream, string path) : IDisposable
{
    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _atEnd;

    /// <summary>1-based number of the line that <see cref="TryRead"/> returned last; 0 before the first.</summary>
    public long LineNumber { get; private set; }

    /// <summary>
    /// The next line with its terminator, valid until the next call; false at the end. Throws <see cref="UserInputException"/> when the
    /// line is too long or is not UTF-8.
    /// </summary>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        int scanned = _start;
        while (true)
        {
            int newline = _buffer.AsSpan(scanned, _end - scanned).IndexOf((byte)'\n');
            int length = newline >= 0 ? scanned + newline + 1 - _start : _atEnd ? _end - _start : 0;
            if (length > 0)
            {
                line = Take(length);
                return true;
            }

            if (_atEnd)
            {
                line = default;
                return false;
            }

            int kept = _end - _start;
            Fill();
            scanned = _start + kept;
        }
    }

    public void Dispose() => stream.Dispose();

    private ReadOnlyMemory<byte> Take(int length)
    {
        ReadOnlyMemory<byte> line = _buffer.AsMemory(_start, length);
        _start += length;
        LineNumber++;
        if (LineNumber == 1)
        {
            line = WithoutMark(line);
        }

        if (!Utf8.IsValid(line.Span))
        {
            throw new UserInputException($"{path}, line {LineNumber}: the bytes are not UTF-8. Save the file as UTF-8.");
        }

        return line;
    }

    private ReadOnlyMemory<byte> WithoutMark(ReadOnlyMemory<byte> line)
    {
        if (line.Span.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || line.Span.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new UserInputException($"{path}, line 1: the file is UTF-16. Save it as UTF-8.");
        }

        return line.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? line[3..] : line;
    }

    private void Fill()
    {
        int kept = _end - _start;
        if (kept > InputFile.MaxRowBytes)
        {
            throw new UserInputException(
                $"{path}, line {LineNumber + 1}: the line is longer than {InputFile.MaxRowBytes >> 20} MB. "
                + "Is this a text file with one row a line?");
        }

        if (kept == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        if (_start > 0)
        {
            Buffer.BlockCopy(_buffer, _start, _buffer, 0, kept);
            _start = 0;
            _end = kept;
        }

        int read = InputFile.Read(stream, _buffer.AsSpan(_end), path);
        _end += read;
        _atEnd = read == 0;
    }
}
