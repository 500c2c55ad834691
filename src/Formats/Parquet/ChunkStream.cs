namespace Rm.Formats.Parquet;

/// <summary>Reads a column chunk's bytes from front to back, only as far as they are asked for and a little ahead.</summary>
internal sealed class ChunkStream(ParquetInput input, long offset, long end)
{
    // Small pages come several to a read; a large one takes one read of its own size.
    private const int ReadAhead = 1 << 15;

    private byte[] _buffer = [];
    private int _start;
    private int _count;
    private long _next = offset;

    /// <summary>Bytes that have not been skipped yet.</summary>
    public long Left => end - _next + _count;

    /// <summary>
    /// The next <paramref name="count"/> bytes, or as many as are left. They stay where they are until the next call.
    /// </summary>
    public ArraySegment<byte> Peek(int count)
    {
        count = (int)Math.Min(count, Left);
        if (count > _count)
        {
            Fill(count);
        }

        return new ArraySegment<byte>(_buffer, _start, count);
    }

    /// <summary>Leaves behind bytes that have been peeked at.</summary>
    public void Skip(int count)
    {
        _start += count;
        _count -= count;
    }

    private void Fill(int count)
    {
        int wanted = (int)Math.Min(Math.Max(count, ReadAhead), Left);
        if (wanted > _buffer.Length)
        {
            byte[] larger = new byte[wanted];
            _buffer.AsSpan(_start, _count).CopyTo(larger);
            _buffer = larger;
        }
        else
        {
            _buffer.AsSpan(_start, _count).CopyTo(_buffer);
        }

        _start = 0;
        input.ReadAt(_next, _buffer.AsSpan(_count, wanted - _count));
        _next += wanted - _count;
        _count = wanted;
    }
}
