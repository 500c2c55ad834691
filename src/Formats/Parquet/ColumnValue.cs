namespace Rm.Formats.Parquet;

/// <summary>One stored value: bits of a number, or bytes that stay valid until the column's next value.</summary>
internal struct ColumnValue
{
    /// <summary>INT32 (sign-extended), INT64, BOOLEAN (0 or 1), FLOAT and DOUBLE (their bits).</summary>
    public long Bits;

    /// <summary>Where the bytes of INT96, BYTE_ARRAY and FIXED_LEN_BYTE_ARRAY lie.</summary>
    public ArraySegment<byte> Bytes;
}
