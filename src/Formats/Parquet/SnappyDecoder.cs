namespace Rm.Formats.Parquet;

/// <summary>
/// Decompresses a Snappy block: a length, then literals and copies of what was written before. Source: Snappy's format_description.txt.
/// </summary>
internal static class SnappyDecoder
{
    /// <summary>
    /// Most bytes that a block of <paramref name="compressed"/> bytes can stand for: three bytes copy up to 64. What claims more needs no
    /// memory to be refused.
    /// </summary>
    public static long MaxLength(int compressed) => (22L * compressed) + 64;

    /// <summary>
    /// Fills <paramref name="output"/>, whose length is the block's as the page claims it. False when the block is damaged or of another
    /// length.
    /// </summary>
    public static bool TryDecode(ReadOnlySpan<byte> input, Span<byte> output)
    {
        int at = 0;
        if (!TryReadLength(input, ref at, out uint length) || length != (uint)output.Length)
        {
            return false;
        }

        int written = 0;
        while (at < input.Length)
        {
            int tag = input[at++];
            int kind = tag & 3;
            if (kind == 0)
            {
                if (!TryReadLiteral(input, tag, ref at, out int count) || count > output.Length - written)
                {
                    return false;
                }

                input.Slice(at, count).CopyTo(output[written..]);
                at += count;
                written += count;
                continue;
            }

            int offsetBytes = kind == 3 ? 4 : kind;
            if (input.Length - at < offsetBytes)
            {
                return false;
            }

            int copied = kind == 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
            long offset = kind == 1 ? ((tag >> 5) << 8) | input[at]
                : kind == 2 ? input[at] | (input[at + 1] << 8)
                : input[at] | (uint)input[at + 1] << 8 | (uint)input[at + 2] << 16 | (uint)input[at + 3] << 24;
            at += offsetBytes;
            if (offset == 0 || offset > written || copied > output.Length - written)
            {
                return false;
            }

            Copy(output, written, (int)offset, copied);
            written += copied;
        }

        return written == output.Length;
    }

    // A copy may reach into itself, which repeats a pattern.
    private static void Copy(Span<byte> output, int written, int offset, int count)
    {
        if (offset >= count)
        {
            output.Slice(written - offset, count).CopyTo(output[written..]);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            output[written + i] = output[written + i - offset];
        }
    }

    private static bool TryReadLiteral(ReadOnlySpan<byte> input, int tag, ref int at, out int count)
    {
        count = 0;
        long length = tag >> 2;
        if (length >= 60)
        {
            int bytes = (int)length - 59;
            if (input.Length - at < bytes)
            {
                return false;
            }

            length = 0;
            for (int i = 0; i < bytes; i++)
            {
                length |= (long)input[at++] << (8 * i);
            }
        }

        length++;
        if (length > input.Length - at)
        {
            return false;
        }

        count = (int)length;
        return true;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> input, ref int at, out uint length)
    {
        length = 0;
        for (int shift = 0; shift < 32 && at < input.Length; shift += 7)
        {
            byte next = input[at++];
            length |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }
}
