using System.Security.Cryptography;

namespace Rm.Formats.Files;

/// <summary>
/// Passes what is written on to another stream and hashes it on the way; cannot read or seek. Does not own the other stream.
/// </summary>
/// <param name="target">Where the bytes go.</param>
/// <param name="hash">What they are fed to.</param>
internal sealed class HashingStream(Stream target, IncrementalHash hash) : Stream
{
    private long _written;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _written;

    public override long Position
    {
        get => _written;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        target.Write(buffer);
        hash.AppendData(buffer);
        _written += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => target.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
