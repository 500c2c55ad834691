namespace Rm.Formats.Parquet;

/// <summary>How a column's values are stored, by Parquet's codes.</summary>
internal enum PhysicalType
{
    Boolean = 0,
    Int32 = 1,
    Int64 = 2,
    Int96 = 3,
    Float = 4,
    Double = 5,
    ByteArray = 6,
    FixedLengthByteArray = 7,
}

/// <summary>How often a field occurs in its parent, by Parquet's codes.</summary>
internal enum Repetition
{
    Required = 0,
    Optional = 1,
    Repeated = 2,
}

/// <summary>How a page's bytes are compressed, by Parquet's codes.</summary>
internal enum CompressionCodec
{
    Uncompressed = 0,
    Snappy = 1,
    Gzip = 2,
    Lzo = 3,
    Brotli = 4,
    Lz4 = 5,
    Zstd = 6,
    Lz4Raw = 7,
}

/// <summary>How a page's values are encoded, by Parquet's codes.</summary>
internal enum PageEncoding
{
    Plain = 0,
    PlainDictionary = 2,
    Rle = 3,
    BitPacked = 4,
    DeltaBinaryPacked = 5,
    DeltaLengthByteArray = 6,
    DeltaByteArray = 7,
    RleDictionary = 8,
    ByteStreamSplit = 9,
}

/// <summary>What a page holds, by Parquet's codes.</summary>
internal enum PageType
{
    Data = 0,
    Index = 1,
    Dictionary = 2,
    DataV2 = 3,
}

/// <summary>What stored values mean, and so how they are written as JSON.</summary>
internal enum ValueKind
{
    /// <summary>As the physical type has it: true/false, a number, INT96 a timestamp, bytes text when they are UTF-8.</summary>
    Physical,

    /// <summary>Text that must be UTF-8.</summary>
    Text,

    /// <summary>Text that is a JSON value of its own.</summary>
    Json,

    /// <summary>Bytes that are no text.</summary>
    Bytes,

    /// <summary>A whole number without sign in 8, 16, 32 or 64 bits.</summary>
    Unsigned,

    /// <summary>A whole number times 10 to the power of minus the scale.</summary>
    Decimal,

    /// <summary>Days since 1970-01-01.</summary>
    Date,

    /// <summary>Units since midnight.</summary>
    Time,

    /// <summary>Units since 1970-01-01, local.</summary>
    Timestamp,

    /// <summary>Units since 1970-01-01, UTC.</summary>
    TimestampUtc,

    /// <summary>16 bytes.</summary>
    Uuid,

    /// <summary>Two bytes, IEEE half precision.</summary>
    Float16,
}
