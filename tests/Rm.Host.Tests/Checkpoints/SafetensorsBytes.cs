using System.Buffers.Binary;
using System.Text;

namespace Rm.Host.Tests.Checkpoints;

/// <summary>Safetensors files made by hand from a header's text and the number of data bytes.</summary>
internal static class SafetensorsBytes
{
    public static byte[] Make(string header, int dataBytes) => Make(Encoding.UTF8.GetBytes(header), new byte[dataBytes]);

    public static byte[] Make(byte[] header, byte[] data)
    {
        byte[] prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        return [.. prefix, .. header, .. data];
    }
}
