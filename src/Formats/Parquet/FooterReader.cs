namespace Rm.Formats.Parquet;

/// <summary>Decodes a file's footer. Source: parquet.thrift of the Parquet format, whose field numbers appear here.</summary>
internal ref struct FooterReader
{
    private readonly ParquetPlace _place;
    private ThriftReader _thrift;

    private FooterReader(ReadOnlySpan<byte> bytes, ParquetPlace place)
    {
        _place = place;
        _thrift = new ThriftReader(bytes, place);
    }

    /// <summary>The footer in <paramref name="bytes"/>. Throws <see cref="UserInputException"/> when it is damaged.</summary>
    public static FileMetadata Read(ReadOnlySpan<byte> bytes, ParquetPlace place) => new FooterReader(bytes, place).ReadFile();

    private FileMetadata ReadFile()
    {
        List<SchemaElement>? schema = null;
        List<RowGroup>? groups = null;
        long rows = -1;
        int id = 0;
        while (_thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 2:
                    _thrift.Expect(type, ThriftType.List, "schema");
                    schema = ReadSchema();
                    break;
                case 3:
                    _thrift.Expect(type, ThriftType.Int32, "number of rows");
                    rows = _thrift.ReadInteger();
                    break;
                case 4:
                    _thrift.Expect(type, ThriftType.List, "list of row groups");
                    groups = ReadRowGroups(schema ?? throw _place.Damaged("Its footer has row groups before the schema."));
                    break;
                default:
                    _thrift.Skip(type);
                    break;
            }
        }

        return schema is not null && groups is not null && rows >= 0
            ? new FileMetadata(schema, rows, groups)
            : throw _place.Damaged("Its footer lacks the schema, the row groups or the number of rows.");
    }

    private List<SchemaElement> ReadSchema()
    {
        var schema = new List<SchemaElement>();
        for (int left = _thrift.ReadListHead(ThriftType.Struct); left > 0; left--)
        {
            schema.Add(ReadSchemaElement());
        }

        return schema.Count > 0 ? schema : throw _place.Damaged("Its schema is empty.");
    }

    private SchemaElement ReadSchemaElement()
    {
        string? name = null;
        PhysicalType? physical = null;
        int length = 0, repetition = 0, children = 0, converted = -1, scale = 0;
        Annotation? logical = null;
        int id = 0;
        while (_thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1:
                    physical = ReadPhysicalType(type);
                    break;
                case 2:
                    _thrift.Expect(type, ThriftType.Int32, "length of a fixed-length type");
                    length = _thrift.ReadCount("length of a fixed-length type");
                    break;
                case 3:
                    _thrift.Expect(type, ThriftType.Int32, "repetition");
                    repetition = _thrift.ReadInt32();
                    break;
                case 4:
                    _thrift.Expect(type, ThriftType.Binary, "name of a column");
                    name = _thrift.ReadString();
                    break;
                case 5:
                    _thrift.Expect(type, ThriftType.Int32, "number of children");
                    children = _thrift.ReadCount("number of children");
                    break;
                case 6:
                    _thrift.Expect(type, ThriftType.Int32, "converted type");
                    converted = _thrift.ReadInt32();
                    break;
                case 7:
                    _thrift.Expect(type, ThriftType.Int32, "scale");
                    scale = _thrift.ReadInt32();
                    break;
                case 10:
                    _thrift.Expect(type, ThriftType.Struct, "logical type");
                    logical = LogicalTypeReader.Read(ref _thrift);
                    break;
                default:
                    _thrift.Skip(type);
                    break;
            }
        }

        if (name is null || repetition is < 0 or > 2)
        {
            throw _place.Damaged("Its schema has an element without a name or with an unknown repetition.");
        }

        return new SchemaElement(
            name, (Repetition)repetition, children, physical, length, logical ?? LogicalTypeReader.FromConverted(converted, scale));
    }

    private PhysicalType ReadPhysicalType(ThriftType type)
    {
        _thrift.Expect(type, ThriftType.Int32, "physical type");
        int code = _thrift.ReadInt32();
        return code is >= 0 and <= 7 ? (PhysicalType)code : throw _place.Damaged($"A column has the unknown physical type {code}.");
    }

    private List<RowGroup> ReadRowGroups(List<SchemaElement> schema)
    {
        int leaves = schema.Count(element => element.Type is not null);
        var groups = new List<RowGroup>();
        for (int left = _thrift.ReadListHead(ThriftType.Struct); left > 0; left--)
        {
            groups.Add(ReadRowGroup(leaves));
        }

        return groups;
    }

    private RowGroup ReadRowGroup(int leaves)
    {
        List<ColumnChunk>? chunks = null;
        long rows = -1;
        int id = 0;
        while (_thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1:
                    _thrift.Expect(type, ThriftType.List, "list of column chunks");
                    chunks = ReadChunks(leaves);
                    break;
                case 3:
                    _thrift.Expect(type, ThriftType.Int32, "number of rows of a row group");
                    rows = _thrift.ReadInteger();
                    break;
                default:
                    _thrift.Skip(type);
                    break;
            }
        }

        return chunks is not null && rows >= 0
            ? new RowGroup(rows, chunks)
            : throw _place.Damaged("A row group lacks its columns or its number of rows.");
    }

    private List<ColumnChunk> ReadChunks(int leaves)
    {
        int count = _thrift.ReadListHead(ThriftType.Struct);
        if (count != leaves)
        {
            throw _place.Damaged($"A row group has {count} columns where the schema has {leaves}.");
        }

        var chunks = new List<ColumnChunk>(count);
        for (; count > 0; count--)
        {
            chunks.Add(ReadChunk());
        }

        return chunks;
    }

    private ColumnChunk ReadChunk()
    {
        ColumnChunk? chunk = null;
        bool external = false, encrypted = false;
        int id = 0;
        while (_thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1:
                    _thrift.Skip(type);
                    external = true;
                    break;
                case 3:
                    _thrift.Expect(type, ThriftType.Struct, "column metadata");
                    chunk = ReadChunkMetadata();
                    break;
                case 8 or 9:
                    _thrift.Skip(type);
                    encrypted = true;
                    break;
                default:
                    _thrift.Skip(type);
                    break;
            }
        }
        // The metadata of an encrypted column is elsewhere.
        chunk ??= encrypted
            ? new ColumnChunk(default, default, 0, 0, 0, false, true)
            : throw _place.Damaged("A column chunk has no metadata.");
        return chunk with { IsExternal = external, IsEncrypted = encrypted };
    }

    private ColumnChunk ReadChunkMetadata()
    {
        PhysicalType? physical = null;
        int codec = -1;
        long entries = -1, length = -1, dataOffset = -1, dictionaryOffset = 0;
        int id = 0;
        while (_thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1:
                    physical = ReadPhysicalType(type);
                    break;
                case 4:
                    _thrift.Expect(type, ThriftType.Int32, "codec");
                    codec = _thrift.ReadInt32();
                    break;
                case 5:
                    _thrift.Expect(type, ThriftType.Int32, "number of values");
                    entries = _thrift.ReadInteger();
                    break;
                case 7:
                    _thrift.Expect(type, ThriftType.Int32, "compressed size");
                    length = _thrift.ReadInteger();
                    break;
                case 9:
                    _thrift.Expect(type, ThriftType.Int32, "data page offset");
                    dataOffset = _thrift.ReadInteger();
                    break;
                case 11:
                    _thrift.Expect(type, ThriftType.Int32, "dictionary page offset");
                    dictionaryOffset = _thrift.ReadInteger();
                    break;
                default:
                    _thrift.Skip(type);
                    break;
            }
        }

        if (physical is null || codec < 0 || entries < 0 || length < 0 || dataOffset < 0)
        {
            throw _place.Damaged("A column chunk's metadata is incomplete.");
        }
        // Some writers leave an offset of 0 (or nonsense behind the data) when there is no dictionary.
        long offset = dictionaryOffset > 0 && dictionaryOffset < dataOffset ? dictionaryOffset : dataOffset;
        return new ColumnChunk(physical.Value, (CompressionCodec)codec, entries, offset, length, false, false);
    }
}
