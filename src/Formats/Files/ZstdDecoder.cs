using System.Runtime.InteropServices;

namespace Rm.Formats.Files;

/// <summary>Decompresses Zstandard through the system's libzstd, which most Linux systems have; .NET 10 has none of its own.</summary>
internal sealed partial class ZstdDecoder : SafeHandle
{
    public ZstdDecoder()
        : base(0, ownsHandle: true)
    {
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>A decoder, or null when the system has no libzstd.</summary>
    public static ZstdDecoder? TryCreate()
    {
        var decoder = new ZstdDecoder();
        try
        {
            decoder.SetHandle(Native.CreateStream());
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            decoder.SetHandleAsInvalid();
            return null;
        }
        return decoder.IsInvalid ? throw new InsufficientMemoryException("libzstd gave no decoder.") : decoder;
    }

    /// <summary>
    /// Decompresses some of <paramref name="input"/>, which is cut by what was used, into <paramref name="output"/>. Returns the bytes
    /// written, or -1 when the input is damaged; <paramref name="frameEnded"/> says that a frame is complete.
    /// </summary>
    public int Decode(ref ReadOnlySpan<byte> input, Span<byte> output, out bool frameEnded)
    {
        nuint written = 0;
        nuint used = 0;
        nuint result = Native.DecompressStream(handle, output, (nuint)output.Length, ref written, input, (nuint)input.Length, ref used);
        frameEnded = result == 0;
        if (Native.IsError(result) != 0)
        {
            return -1;
        }
        input = input[(int)used..];
        return (int)written;
    }

    /// <summary>Forgets what an earlier page left.</summary>
    public void Reset() => Native.InitStream(handle);

    protected override bool ReleaseHandle()
    {
        Native.FreeStream(handle);
        return true;
    }

    private static partial class Native
    {
        private const string Library = "libzstd.so.1";

        [LibraryImport(Library, EntryPoint = "ZSTD_createDStream")]
        internal static partial nint CreateStream();

        [LibraryImport(Library, EntryPoint = "ZSTD_initDStream")]
        internal static partial nuint InitStream(nint stream);

        [LibraryImport(Library, EntryPoint = "ZSTD_freeDStream")]
        internal static partial nuint FreeStream(nint stream);

        // The form of ZSTD_decompressStream that takes no structures, so that spans do; the library exports it for bindings like this one.
        [LibraryImport(Library, EntryPoint = "ZSTD_decompressStream_simpleArgs")]
        internal static partial nuint DecompressStream(
            nint stream, Span<byte> output, nuint outputLength, ref nuint written, ReadOnlySpan<byte> input, nuint inputLength, ref nuint used);

        [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
        internal static partial uint IsError(nuint code);
    }
}
