using System.Runtime.InteropServices;

namespace Rm.Host.Data.Parquet;

/// <summary>Decompresses Zstandard through the system's libzstd, which most Linux systems have; .NET 10 has none of its own.</summary>
internal sealed unsafe partial class ZstdDecoder : SafeHandle
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
        fixed (byte* from = input, to = output)
        {
            var source = new Buffer { Bytes = from, Size = (nuint)input.Length };
            var target = new Buffer { Bytes = to, Size = (nuint)output.Length };
            nuint result = Native.DecompressStream(handle, &target, &source);
            frameEnded = result == 0;
            if (Native.IsError(result) != 0)
            {
                return -1;
            }
            input = input[(int)source.Position..];
            return (int)target.Position;
        }
    }

    /// <summary>Forgets what an earlier page left.</summary>
    public void Reset() => Native.InitStream(handle);

    protected override bool ReleaseHandle()
    {
        Native.FreeStream(handle);
        return true;
    }

    // ZSTD_inBuffer and ZSTD_outBuffer of zstd.h, which have the same layout.
    [StructLayout(LayoutKind.Sequential)]
    private struct Buffer
    {
        public byte* Bytes;
        public nuint Size;
        public nuint Position;
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

        [LibraryImport(Library, EntryPoint = "ZSTD_decompressStream")]
        internal static partial nuint DecompressStream(nint stream, Buffer* output, Buffer* input);

        [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
        internal static partial uint IsError(nuint code);
    }
}
