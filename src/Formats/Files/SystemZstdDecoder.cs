using System.Reflection;
using System.Runtime.InteropServices;

namespace Rm.Formats.Files;

/// <summary>Zstandard by the system's libzstd, under whichever name it has.</summary>
internal sealed partial class SystemZstdDecoder : ZstdDecoder
{
    private static readonly string[] Names = ["libzstd.so.1", "libzstd.1.dylib", "zstd", "libzstd"];

    private readonly StreamHandle _stream;

    static SystemZstdDecoder() => NativeLibrary.SetDllImportResolver(
        typeof(SystemZstdDecoder).Assembly, static (name, assembly, path) => name == Native.Library ? Load(assembly, path) : 0);

    private SystemZstdDecoder(StreamHandle stream) => _stream = stream;

    /// <summary>A decoder, or null when the system has no libzstd.</summary>
    public static SystemZstdDecoder? TryCreate()
    {
        try
        {
            StreamHandle stream = Native.CreateStream();
            return stream.IsInvalid ? throw new InsufficientMemoryException("libzstd gave no decoder.") : new SystemZstdDecoder(stream);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return null;
        }
    }

    public override int Decode(ref ReadOnlySpan<byte> input, Span<byte> output, out bool frameEnded)
    {
        nuint written = 0;
        nuint used = 0;
        nuint result = Native.DecompressStream(_stream, output, (nuint)output.Length, ref written, input, (nuint)input.Length, ref used);
        frameEnded = result == 0;
        if (Native.IsError(result) != 0)
        {
            return -1;
        }

        input = input[(int)used..];
        return (int)written;
    }

    public override void Reset() => Native.InitStream(_stream);

    public override void Dispose() => _stream.Dispose();

    private static nint Load(Assembly assembly, DllImportSearchPath? path)
    {
        foreach (string name in Names)
        {
            if (NativeLibrary.TryLoad(name, assembly, path, out nint library))
            {
                return library;
            }
        }

        return 0;
    }

    internal sealed class StreamHandle() : SafeHandle(0, ownsHandle: true)
    {
        public override bool IsInvalid => handle == 0;

        protected override bool ReleaseHandle()
        {
            Native.FreeStream(handle);
            return true;
        }
    }

    private static partial class Native
    {
        internal const string Library = "btrm-zstd";

        [LibraryImport(Library, EntryPoint = "ZSTD_createDStream")]
        internal static partial StreamHandle CreateStream();

        [LibraryImport(Library, EntryPoint = "ZSTD_initDStream")]
        internal static partial nuint InitStream(StreamHandle stream);

        [LibraryImport(Library, EntryPoint = "ZSTD_freeDStream")]
        internal static partial nuint FreeStream(nint stream);

        // The form of ZSTD_decompressStream that takes no structures, so that spans do; the library exports it for bindings like this one.
        [LibraryImport(Library, EntryPoint = "ZSTD_decompressStream_simpleArgs")]
        internal static partial nuint DecompressStream(
            StreamHandle stream, Span<byte> output, nuint outputLength, ref nuint written, ReadOnlySpan<byte> input, nuint inputLength,
            ref nuint used);

        [LibraryImport(Library, EntryPoint = "ZSTD_isError")]
        internal static partial uint IsError(nuint code);
    }
}
