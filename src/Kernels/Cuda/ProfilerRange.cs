using System.Buffers.Text;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>
/// A named range in the timeline of a profiler that watches this process (Nsight Systems, Nsight Compute), whatever the device: what the
/// host does between opening and disposing it, and what it queues. Without a profiler it costs one test of a constant.
/// </summary>
public readonly ref struct ProfilerRange
{
    private const int LongestName = 64;

    private readonly bool _open;

    /// <summary>Opens a range called "name number".</summary>
    /// <param name="name">A UTF-8 literal of at most 48 bytes.</param>
    /// <param name="number">Which step, micro-batch or layer it is.</param>
    public ProfilerRange(ReadOnlySpan<byte> name, int number)
    {
        _open = NvtxClient.IsActive;
        if (_open)
        {
            Push(name, number);
        }
    }

    /// <summary>Whether a profiler takes ranges.</summary>
    public static bool IsActive => NvtxClient.IsActive;

    /// <summary>Closes the range.</summary>
    public void Dispose()
    {
        if (_open)
        {
            NvtxClient.Pop();
        }
    }

    private static unsafe void Push(ReadOnlySpan<byte> name, int number)
    {
        Span<byte> text = stackalloc byte[LongestName];
        name.CopyTo(text);
        text[name.Length] = (byte)' ';
        _ = Utf8Formatter.TryFormat(number, text[(name.Length + 1)..^1], out int written);
        text[name.Length + 1 + written] = 0;
        fixed (byte* pointer = text)
        {
            NvtxClient.Push(pointer);
        }
    }
}
