namespace Rm.Formats.Files;

/// <summary>
/// Decompresses Zstandard, of which .NET 10 has none of its own: by the system's libzstd where there is one, which is about twice as fast,
/// else by the managed port that every build carries (Windows, bare containers).
/// </summary>
internal abstract class ZstdDecoder : IDisposable
{
    /// <summary>The quickest decoder that this system has.</summary>
    public static ZstdDecoder Create() => SystemZstdDecoder.TryCreate() ?? new ManagedZstdDecoder() as ZstdDecoder;

    /// <summary>
    /// Decompresses some of <paramref name="input"/>, which is cut by what was used, into <paramref name="output"/>. Returns the bytes
    /// written, or -1 when the input is damaged; <paramref name="frameEnded"/> says that what was used ends with a complete frame.
    /// </summary>
    public abstract int Decode(ref ReadOnlySpan<byte> input, Span<byte> output, out bool frameEnded);

    /// <summary>Forgets what an earlier page left.</summary>
    public abstract void Reset();

    /// <inheritdoc/>
    public abstract void Dispose();
}
