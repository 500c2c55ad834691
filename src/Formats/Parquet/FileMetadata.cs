namespace Rm.Formats.Parquet;

/// <summary>A file's footer as far as reading needs it. Field numbers and names follow parquet.thrift of the Parquet format.</summary>
internal sealed record FileMetadata(IReadOnlyList<SchemaElement> Schema, long RowCount, IReadOnlyList<RowGroup> RowGroups);

/// <summary>A node of the schema in depth-first order.</summary>
internal sealed record SchemaElement(
    string Name,
    Repetition Repetition,
    int ChildCount,
    PhysicalType? Type,
    int TypeLength,
    Annotation Annotation);

/// <summary>What a schema element's converted or logical type says.</summary>
/// <param name="Kind">Meaning of the values of a leaf.</param>
/// <param name="IsList">A group that is a list.</param>
/// <param name="IsMap">A group that is a map.</param>
/// <param name="Scale">Digits after the point of a decimal; of times and timestamps the decimal digits of a second: 3, 6 or 9.</param>
internal readonly record struct Annotation(ValueKind Kind, bool IsList = false, bool IsMap = false, int Scale = 0);

/// <summary>A horizontal slice of the table; its chunks are in the order of the schema's leaves.</summary>
internal sealed record RowGroup(long RowCount, IReadOnlyList<ColumnChunk> Chunks);

/// <summary>Where the values of one column and row group lie.</summary>
/// <param name="Type">Physical type, which must be the schema's.</param>
/// <param name="Codec">Compression of its pages.</param>
/// <param name="EntryCount">Entries, nulls and empty lists included.</param>
/// <param name="Offset">File offset of its first page.</param>
/// <param name="CompressedLength">Bytes of its pages with their headers.</param>
/// <param name="IsExternal">True when the pages are in another file.</param>
/// <param name="IsEncrypted">True when the pages are encrypted.</param>
internal sealed record ColumnChunk(
    PhysicalType Type, CompressionCodec Codec, long EntryCount, long Offset, long CompressedLength, bool IsExternal, bool IsEncrypted);
