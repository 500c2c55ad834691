using Rm.Kernels.Cuda.Builds;

namespace Rm.CacheWorker;

/// <summary>Entries that worker and test both can compute.</summary>
internal static class CacheEntries
{
    public const int Count = 4;

    public static KernelCacheKey Key(int index) => new("cache test", index.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>A few megabytes, so that a kill lands in the middle of a write often.</summary>
    public static byte[] Image(int index)
    {
        byte[] bytes = new byte[(1 << 20) * (index + 1)];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)((i * 31) + (i >> 8) + index);
        }

        return bytes;
    }
}
