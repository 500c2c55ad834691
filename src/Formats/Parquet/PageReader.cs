namespace Rm.Formats.Parquet;

/// <summary>A data page, ready to be taken value by value.</summary>
/// <param name="EntryCount">Entries, nulls and empty lists included.</param>
/// <param name="Repetition">Repetition levels, or null when all are 0.</param>
/// <param name="Definition">Definition levels, or null when all are the highest.</param>
/// <param name="Values">The values that are there.</param>
internal sealed record DataPage(int EntryCount, LevelReader? Repetition, LevelReader? Definition, ValueDecoder Values);

/// <summary>Reads the pages of one column chunk: headers, checksums, decompression, the dictionary, the right decoder.</summary>
internal sealed class PageReader : IDisposable
{
    // Writers cut pages at about a megabyte. One page of each column is in memory at a time.
    private const int MaxPageBytes = 256 << 20;

    // Nearly every header fits; those with long statistics are tried again with more.
    private const int FirstHeaderBytes = 1 << 9;
    private const int MaxHeaderBytes = 16 << 20;

    // Old Java writers left the dictionary page's header out of a chunk's length, so a chunk may be a little longer than it says.
    private const int LengthSlack = 100;

    private readonly LeafColumn _column;
    private readonly ParquetPlace _place;
    private readonly CompressionCodec _codec;
    private readonly ChunkStream _stream;
    private readonly PageDecompressor _decompressor;
    private ColumnValue[]? _dictionary;

    public PageReader(ParquetInput input, LeafColumn column, ColumnChunk chunk, ParquetPlace place)
    {
        if (chunk.IsExternal)
        {
            throw place.Unsupported("Its values are in another file.", "Write the table into one file.");
        }

        if (chunk.IsEncrypted)
        {
            throw place.Unsupported("It is encrypted.", "Write the file without encryption.");
        }

        if (chunk.Type != column.Type)
        {
            throw place.Damaged($"It is stored as {chunk.Type} where the schema says {column.Type}.");
        }

        if (chunk.Offset > input.Length || chunk.CompressedLength > input.Length - chunk.Offset)
        {
            throw place.Damaged($"Its {chunk.CompressedLength} bytes from {chunk.Offset} on lie beyond the end of the file.");
        }

        _column = column;
        _place = place;
        _codec = chunk.Codec;
        _stream = new ChunkStream(input, chunk.Offset, Math.Min(input.Length, chunk.Offset + chunk.CompressedLength + LengthSlack));
        _decompressor = new PageDecompressor(chunk.Codec, place);
    }

    /// <summary>
    /// The next data page, valid until the one after it. Throws <see cref="UserInputException"/> when there is none, or it is damaged.
    /// </summary>
    public DataPage Next()
    {
        _place.Page++;
        while (true)
        {
            PageHeader header = ReadHeader();
            if (header.CompressedSize > MaxPageBytes || header.UncompressedSize > MaxPageBytes)
            {
                throw _place.Unsupported(
                    $"A page of {Math.Max(header.CompressedSize, header.UncompressedSize)} bytes is too large.",
                    $"Write the file with pages below {MaxPageBytes >> 20} MiB.");
            }

            ArraySegment<byte> body = ReadBody(header);
            switch (header.Type)
            {
                case PageType.Data:
                    return OpenVersion1(header, body);
                case PageType.DataV2:
                    return OpenVersion2(header, body);
                case PageType.Dictionary:
                    ReadDictionary(header, body);
                    break;
                case PageType.Index:
                    break;
                default:
                    throw _place.Damaged($"A page has the unknown type {(int)header.Type}.");
            }
        }
    }

    public void Dispose() => _decompressor.Dispose();

    private PageHeader ReadHeader()
    {
        for (int size = FirstHeaderBytes; ; size *= 4)
        {
            ArraySegment<byte> bytes = _stream.Peek(size);
            if (bytes.Count == 0)
            {
                throw _place.Damaged("Its pages end before its values do.");
            }

            var thrift = new ThriftReader(bytes, _place);
            try
            {
                var header = PageHeader.Read(ref thrift, _place);
                _stream.Skip(thrift.Position);
                return header;
            }
            catch (UserInputException) when (thrift.RanOut && size < MaxHeaderBytes && _stream.Left > bytes.Count)
            {
                // The header is longer than this first look at it.
            }
        }
    }

    private ArraySegment<byte> ReadBody(PageHeader header)
    {
        if (header.CompressedSize > _stream.Left)
        {
            throw _place.Damaged($"A page claims {header.CompressedSize} bytes, and the column has {_stream.Left} left.");
        }

        ArraySegment<byte> body = _stream.Peek(header.CompressedSize);
        _stream.Skip(header.CompressedSize);
        if (header.Crc is { } crc && Crc32.Of(body) != crc)
        {
            throw _place.Damaged("The checksum (CRC-32) of a page is wrong.");
        }

        return body;
    }

    private void ReadDictionary(PageHeader header, ArraySegment<byte> body)
    {
        if (_dictionary is not null || header.Encoding is not (PageEncoding.Plain or PageEncoding.PlainDictionary))
        {
            throw _place.Damaged("It has a second dictionary, or one in an unknown encoding.");
        }
        // The buffers serve the next page too, and the dictionary outlives it.
        byte[] bytes = [.. _decompressor.Decompress(body, header.UncompressedSize)];
        _dictionary = DictionaryDecoder.ReadDictionary(_column, bytes, header.EntryCount, _place);
    }

    private DataPage OpenVersion1(PageHeader header, ArraySegment<byte> body)
    {
        ArraySegment<byte> bytes = _decompressor.Decompress(body, header.UncompressedSize);
        var repetition =
            LevelReader.Open(ref bytes, header.RepetitionEncoding, header.EntryCount, _column.MaxRepetition, _place);
        var definition =
            LevelReader.Open(ref bytes, header.DefinitionEncoding, header.EntryCount, _column.MaxDefinition, _place);
        return new DataPage(header.EntryCount, repetition, definition, OpenValues(header.Encoding, bytes));
    }

    private DataPage OpenVersion2(PageHeader header, ArraySegment<byte> body)
    {
        long levels = (long)header.RepetitionBytes + header.DefinitionBytes;
        if (levels > body.Count || levels > header.UncompressedSize)
        {
            throw _place.Damaged("The levels are longer than their page.");
        }

        var repetition = LevelReader.Open(body[..header.RepetitionBytes], _column.MaxRepetition, _place);
        var definition =
            LevelReader.Open(body.Slice(header.RepetitionBytes, header.DefinitionBytes), _column.MaxDefinition, _place);
        ArraySegment<byte> bytes = body[(int)levels..];
        // A page without values may have nothing to decompress, not even an empty frame.
        if (header.IsCompressed && _codec != CompressionCodec.Uncompressed && bytes.Count > 0)
        {
            bytes = _decompressor.Decompress(bytes, header.UncompressedSize - (int)levels);
        }

        return new DataPage(header.EntryCount, repetition, definition, OpenValues(header.Encoding, bytes));
    }

    private ValueDecoder OpenValues(PageEncoding encoding, ArraySegment<byte> bytes)
    {
        PhysicalType type = _column.Type;
        return encoding switch
        {
            PageEncoding.Plain => new PlainDecoder(_column, bytes, _place),
            PageEncoding.PlainDictionary or PageEncoding.RleDictionary => new DictionaryDecoder(
                _dictionary ?? throw _place.Damaged("A page uses a dictionary, and there is none."), bytes, _place),
            // Pages of nulls only may be cut short to nothing, whatever their encoding.
            _ when bytes.Count == 0 => new PlainDecoder(_column, bytes, _place),
            PageEncoding.Rle when type == PhysicalType.Boolean => new RleBooleanDecoder(bytes, _place),
            PageEncoding.DeltaBinaryPacked when type is PhysicalType.Int32 or PhysicalType.Int64 =>
                new DeltaIntegerDecoder(_column, bytes, _place),
            PageEncoding.DeltaLengthByteArray when type == PhysicalType.ByteArray => new DeltaLengthDecoder(bytes, _place),
            PageEncoding.DeltaByteArray when type is PhysicalType.ByteArray or PhysicalType.FixedLengthByteArray =>
                new DeltaByteArrayDecoder(_column, bytes, _place),
            PageEncoding.ByteStreamSplit when ValueDecoder.WidthOf(_column) > 0 && type != PhysicalType.Int96 =>
                new ByteStreamSplitDecoder(_column, bytes, _place),
            _ => throw _place.Damaged($"A page of {type} values has the encoding {(int)encoding}, which is none for them."),
        };
    }
}
