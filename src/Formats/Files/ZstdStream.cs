namespace Rm.Formats.Files;

/// <summary>Reads what a Zstandard stream stands for, frame after frame. Owns the stream below.</summary>
/// <param name="source">The compressed bytes.</param>
/// <param name="decoder">Decompresses them; owned.</param>
internal sealed class ZstdStream(Stream source, ZstdDecoder decoder) : Stream
{
    private readonly byte[] _input = new byte[1 << 16];
    private int _head;
    private int _filled;
    private bool _frameEnded = true;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <summary>Throws <see cref="InvalidDataException"/> when the data is damaged or ends within a frame.</summary>
    public override int Read(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            ReadOnlySpan<byte> input = _input.AsSpan(_head, _filled - _head);
            int before = input.Length;

            // A frame may hold more output than fitted last time, so the decoder is asked before more input is read.
            int produced = _frameEnded && input.IsEmpty ? 0 : decoder.Decode(ref input, buffer, out _frameEnded);
            if (produced < 0)
            {
                throw new InvalidDataException("not a Zstandard stream, or a damaged one");
            }

            _head = _filled - input.Length;
            if (produced > 0)
            {
                _position += produced;
                return produced;
            }

            if (input.Length == before && !Refill())
            {
                return _frameEnded ? 0 : throw new InvalidDataException("the Zstandard stream ends too early");
            }
        }

        return 0;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            decoder.Dispose();
            source.Dispose();
        }

        base.Dispose(disposing);
    }

    // Called only when the decoder can do nothing with what is there; it takes all input that it is given.
    private bool Refill()
    {
        if (_head < _filled)
        {
            throw new InvalidDataException("the Zstandard decoder takes no more input");
        }

        _head = 0;
        _filled = source.Read(_input);
        return _filled > 0;
    }
}
