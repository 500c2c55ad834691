using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>Zero-terminated UTF-8 copies of strings for the time of a native call, and the array of pointers to them.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    public NativeStrings(IReadOnlyList<string> texts)
    {
        _count = texts.Count;
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)Math.Max(1, _count), (nuint)sizeof(byte*));
        for (int i = 0; i < _count; i++)
        {
            Pointers[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        }
    }

    /// <summary>One pointer a string.</summary>
    public byte** Pointers { get; private set; }

    public byte* this[int index] => Pointers[index];

    public void Dispose()
    {
        if (Pointers != null)
        {
            for (int i = 0; i < _count; i++)
            {
                Marshal.FreeCoTaskMem((nint)Pointers[i]);
            }

            NativeMemory.Free(Pointers);
            Pointers = null;
        }
    }
}
