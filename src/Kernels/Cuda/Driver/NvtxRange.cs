namespace Rm.Kernels.Cuda.Driver;

/// <summary>A named range in a profiler's timeline, on the calling thread. Without a profiler it costs one test of a constant.</summary>
internal readonly unsafe ref struct NvtxRange
{
    private readonly bool _open;

    /// <summary>Opens a range.</summary>
    /// <param name="name">A UTF-8 literal: those end with a zero byte in memory.</param>
    public NvtxRange(ReadOnlySpan<byte> name)
    {
        _open = NvtxClient.IsActive;
        if (_open)
        {
            fixed (byte* text = name)
            {
                NvtxClient.Push(text);
            }
        }
    }

    /// <summary>Closes the range.</summary>
    public void Dispose()
    {
        if (_open)
        {
            NvtxClient.Pop();
        }
    }
}
