using System.Text;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>What only the emulator can tell about a failed kernel: the defect's name, kernel, block, thread and source line.</summary>
internal static unsafe class EmulatorReport
{
    private const string Export = "btrmEmuLastReport";

    /// <summary>The last defect, or null without one or on a real driver.</summary>
    public static string? Last()
    {
        if (!CudaLibraries.TryGetDriverExport(Export, out nint function))
        {
            return null;
        }

        byte[] text = new byte[4096];
        fixed (byte* pointer = text)
        {
            int length = ((delegate* unmanaged<byte*, int, int>)function)(pointer, text.Length);
            return length == 0 ? null : Encoding.UTF8.GetString(text, 0, Math.Min(length, text.Length - 1));
        }
    }
}
