namespace Rm.Kernels.Cpu.Gemm;

/// <summary>One growing, cache-line aligned buffer a thread, for what a loop body needs while it runs one item.</summary>
internal static unsafe class ThreadScratch
{
    [ThreadStatic]
    private static NativeBuffer? s_buffer;

    /// <summary>At least <paramref name="bytes"/> bytes, valid until this thread asks again. Contents are undefined.</summary>
    public static void* Get(long bytes)
    {
        if (s_buffer is null || s_buffer.Bytes < bytes)
        {
            s_buffer?.Dispose();
            s_buffer = new NativeBuffer(bytes);
        }

        return s_buffer.Pointer;
    }
}
