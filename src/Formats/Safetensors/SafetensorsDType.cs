namespace Rm.Formats.Safetensors;

/// <summary>
/// Element types that a safetensors header can name. Weights are read from <see cref="F32"/>, <see cref="F16"/> and <see cref="BF16"/>.
/// </summary>
public enum SafetensorsDType
{
    /// <summary>IEEE binary32.</summary>
    F32,

    /// <summary>IEEE binary16.</summary>
    F16,

    /// <summary>bfloat16: the upper 16 bits of a binary32.</summary>
    BF16,

    /// <summary>IEEE binary64.</summary>
    F64,

    /// <summary>Two binary32: a complex number.</summary>
    C64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>8-bit float, 4 exponent and 3 mantissa bits.</summary>
    F8E4M3,

    /// <summary>8-bit float, 5 exponent and 2 mantissa bits.</summary>
    F8E5M2,

    /// <summary>8-bit power of two (a block scale).</summary>
    F8E8M0,

    /// <summary>6-bit float, 2 exponent and 3 mantissa bits.</summary>
    F6E2M3,

    /// <summary>6-bit float, 3 exponent and 2 mantissa bits.</summary>
    F6E3M2,

    /// <summary>4-bit float.</summary>
    F4,

    /// <summary>8-bit float, 4 exponent and 3 mantissa bits, without infinities and negative zero.</summary>
    F8E4M3Fnuz,

    /// <summary>8-bit float, 5 exponent and 2 mantissa bits, without infinities and negative zero.</summary>
    F8E5M2Fnuz,
}

/// <summary>Names in the header and sizes of <see cref="SafetensorsDType"/>.</summary>
public static class SafetensorsDTypes
{
    // Index = enum value.
    private static readonly (string Name, int Bits)[] Table =
    [
        ("F32", 32), ("F16", 16), ("BF16", 16), ("F64", 64), ("C64", 64), ("I64", 64), ("I32", 32), ("I16", 16), ("I8", 8), ("U64", 64),
        ("U32", 32), ("U16", 16), ("U8", 8), ("BOOL", 8), ("F8_E4M3", 8), ("F8_E5M2", 8), ("F8_E8M0", 8), ("F6_E2M3", 6), ("F6_E3M2", 6),
        ("F4", 4), ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8),
    ];

    /// <summary>The name that the header uses, "BF16" say.</summary>
    public static string HeaderName(this SafetensorsDType dtype) => Table[(int)dtype].Name;

    /// <summary>Size of one element in bits; 4- and 6-bit types are packed.</summary>
    public static int Bits(this SafetensorsDType dtype) => Table[(int)dtype].Bits;

    /// <summary>True for the types that <see cref="SafetensorsFile.ReadFloat32"/> reads.</summary>
    public static bool IsWeight(this SafetensorsDType dtype) =>
        dtype is SafetensorsDType.F32 or SafetensorsDType.F16 or SafetensorsDType.BF16;

    internal static SafetensorsDType? Parse(string name)
    {
        int index = Array.FindIndex(Table, entry => entry.Name == name);
        return index < 0 ? null : (SafetensorsDType)index;
    }
}
