using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>The CRC-32 of gzip and Ethernet (polynomial 0x04C11DB7, reflected), eight bytes a step.</summary>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private const int Slices = 8;
    private static readonly uint[] Tables = MakeTables();

    /// <summary>The checksum of some bytes.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint[] tables = Tables;
        uint crc = ~0u;
        for (; bytes.Length >= Slices; bytes = bytes[Slices..])
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = tables[(7 << 8) | (int)(low & 255)] ^ tables[(6 << 8) | (int)((low >> 8) & 255)]
                ^ tables[(5 << 8) | (int)((low >> 16) & 255)] ^ tables[(4 << 8) | (int)(low >> 24)]
                ^ tables[(3 << 8) | (int)(high & 255)] ^ tables[(2 << 8) | (int)((high >> 8) & 255)]
                ^ tables[(1 << 8) | (int)((high >> 16) & 255)] ^ tables[(int)(high >> 24)];
        }

        foreach (byte value in bytes)
        {
            crc = (crc >> 8) ^ tables[(int)((crc ^ value) & 255)];
        }

        return ~crc;
    }

    // Table k advances a byte by k further bytes of zeros.
    private static uint[] MakeTables()
    {
        uint[] tables = new uint[Slices << 8];
        for (uint i = 0; i < 256; i++)
        {
            uint crc = i;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * Polynomial);
            }

            tables[i] = crc;
        }

        for (int i = 256; i < tables.Length; i++)
        {
            uint before = tables[i - 256];
            tables[i] = (before >> 8) ^ tables[before & 255];
        }

        return tables;
    }
}
