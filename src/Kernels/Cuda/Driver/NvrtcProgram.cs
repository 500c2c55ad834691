using System.Runtime.InteropServices;
using System.Text;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>One source under compilation by NVRTC.</summary>
internal sealed unsafe class NvrtcProgram : SafeHandle
{
    public NvrtcProgram()
        : base(0, ownsHandle: true)
    {
    }

    private delegate NvrtcResult SizeReader(nint program, nuint* size);

    private delegate NvrtcResult BytesReader(nint program, byte* bytes);

    public override bool IsInvalid => handle == 0;

    /// <summary>A program of <paramref name="source"/>, which may include any of <paramref name="headers"/> by name.</summary>
    /// <exception cref="InvalidOperationException">NVRTC refuses.</exception>
    public static NvrtcProgram Create(string name, string source, IReadOnlyDictionary<string, string> headers)
    {
        using NativeStrings texts = new([source, name, .. headers.Values, .. headers.Keys]);
        NvrtcProgram program = new();
        nint value;
        Check(
            NativeNvrtc.nvrtcCreateProgram(
                &value, texts[0], texts[1], headers.Count, texts.Pointers + 2, texts.Pointers + 2 + headers.Count),
            "nvrtcCreateProgram");
        program.SetHandle(value);
        return program;
    }

    /// <summary>Compiles; false with the compiler's messages in <see cref="Log"/> when the source does not compile.</summary>
    /// <exception cref="InvalidOperationException">NVRTC itself fails.</exception>
    public bool TryCompile(IReadOnlyList<string> options)
    {
        using NativeStrings texts = new(options);
        NvrtcResult result = NativeNvrtc.nvrtcCompileProgram(handle, options.Count, texts.Pointers);
        if (result == NvrtcResult.Compilation)
        {
            return false;
        }

        Check(result, "nvrtcCompileProgram");
        return true;
    }

    /// <summary>The compiler's messages.</summary>
    public string Log()
    {
        byte[] bytes = Read(NativeNvrtc.nvrtcGetProgramLogSize, NativeNvrtc.nvrtcGetProgramLog, "nvrtcGetProgramLog");
        return Encoding.UTF8.GetString(bytes).TrimEnd('\0', '\n');
    }

    /// <summary>Machine code for the sm_ target compiled for.</summary>
    public byte[] Cubin() => Read(NativeNvrtc.nvrtcGetCUBINSize, NativeNvrtc.nvrtcGetCUBIN, "nvrtcGetCUBIN");

    /// <summary>PTX, with a zero byte at its end.</summary>
    public byte[] Ptx() => Read(NativeNvrtc.nvrtcGetPTXSize, NativeNvrtc.nvrtcGetPTX, "nvrtcGetPTX");

    /// <summary>Throws when <paramref name="result"/> is not success.</summary>
    public static void Check(NvrtcResult result, string call)
    {
        if (result != NvrtcResult.Success)
        {
            string? text = Marshal.PtrToStringUTF8((nint)NativeNvrtc.nvrtcGetErrorString(result));
            string advice = result == NvrtcResult.BuiltinOperationFailure
                ? " Install libnvrtc-builtins of the same version beside libnvrtc."
                : "";
            throw new InvalidOperationException($"{call} failed with {text} ({(int)result}).{advice}");
        }
    }

    protected override bool ReleaseHandle()
    {
        nint value = handle;
        return NativeNvrtc.nvrtcDestroyProgram(&value) == NvrtcResult.Success;
    }

    private byte[] Read(SizeReader readSize, BytesReader readBytes, string call)
    {
        nuint size;
        Check(readSize(handle, &size), call + "Size");
        byte[] bytes = new byte[checked((int)size)];
        fixed (byte* pointer = bytes)
        {
            Check(readBytes(handle, pointer), call);
        }

        return bytes;
    }
}
