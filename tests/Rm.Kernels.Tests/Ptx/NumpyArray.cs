using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>An array of numpy's .npy format, version 1: little-endian, in C order.</summary>
internal sealed partial class NumpyArray
{
    // Magic, version and the header's length.
    private const int Prefix = 10;

    private NumpyArray(string type, byte[] bytes) => (Type, Bytes) = (type, bytes);

    /// <summary>The element's type in numpy's letters: f4, f8, i4, u2 and so on.</summary>
    public string Type { get; }

    /// <summary>The elements as they lie in memory.</summary>
    public byte[] Bytes { get; }

    /// <summary>Reads a whole file.</summary>
    public static NumpyArray Parse(byte[] file)
    {
        int header = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(Prefix - 2));
        Match description = Description().Match(Encoding.ASCII.GetString(file, Prefix, header));
        Assert.True(description.Success, "an .npy header that is not little-endian and in C order");
        return new(description.Groups["type"].Value, file[(Prefix + header)..]);
    }

    /// <summary>
    /// The elements of <paramref name="bytes"/>, of this array's type, as numbers; 64-bit integers by <see cref="Bits"/> only.
    /// </summary>
    public double[] Numbers(byte[] bytes) => Type switch
    {
        "f8" => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
        "f4" => Widen<float>(bytes, static value => value),
        "i4" => Widen<int>(bytes, static value => value),
        "u4" => Widen<uint>(bytes, static value => value),
        "u2" => Widen<ushort>(bytes, static value => value),
        "i2" => Widen<short>(bytes, static value => value),
        "u1" => Widen<byte>(bytes, static value => value),
        _ => throw new InvalidDataException(Type),
    };

    /// <summary>The elements of <paramref name="bytes"/> as integers without a sign: what exact comparisons take.</summary>
    public ulong[] Bits(byte[] bytes)
    {
        int size = int.Parse(Type.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture);
        ulong[] bits = new ulong[bytes.Length / size];
        for (int i = 0; i < bytes.Length; i++)
        {
            bits[i / size] |= (ulong)bytes[i] << (8 * (i % size));
        }

        return bits;
    }

    private static double[] Widen<T>(byte[] bytes, Func<T, double> widen)
        where T : unmanaged => [.. MemoryMarshal.Cast<byte, T>(bytes).ToArray().Select(widen)];

    [GeneratedRegex(@"'descr': '[<|](?<type>\w\d)', 'fortran_order': False")]
    private static partial Regex Description();
}
