namespace Rm.Formats.Parquet;

/// <summary>What stands before a page's bytes. Field numbers follow parquet.thrift of the Parquet format.</summary>
/// <param name="Type">What the page holds.</param>
/// <param name="UncompressedSize">Bytes after decompression; in a version 2 page with the levels, which are never compressed.</param>
/// <param name="CompressedSize">Bytes in the file after the header.</param>
/// <param name="Crc">CRC-32 of those bytes, when the writer gave it.</param>
/// <param name="EntryCount">Entries of a data page, nulls and empty lists included; values of a dictionary page.</param>
/// <param name="Encoding">Encoding of the values.</param>
/// <param name="DefinitionEncoding">Encoding of the definition levels (version 1).</param>
/// <param name="RepetitionEncoding">Encoding of the repetition levels (version 1).</param>
/// <param name="DefinitionBytes">Bytes of the definition levels (version 2).</param>
/// <param name="RepetitionBytes">Bytes of the repetition levels (version 2).</param>
/// <param name="IsCompressed">False when a version 2 page leaves its values as they are.</param>
internal readonly record struct PageHeader(
    PageType Type,
    int UncompressedSize,
    int CompressedSize,
    uint? Crc,
    int EntryCount = 0,
    PageEncoding Encoding = PageEncoding.Plain,
    PageEncoding DefinitionEncoding = PageEncoding.Rle,
    PageEncoding RepetitionEncoding = PageEncoding.Rle,
    int DefinitionBytes = 0,
    int RepetitionBytes = 0,
    bool IsCompressed = true)
{
    /// <summary>Decodes a header at the start of what <paramref name="thrift"/> reads.</summary>
    public static PageHeader Read(ref ThriftReader thrift, ParquetPlace place)
    {
        int kind = -1, uncompressed = -1, compressed = -1;
        uint? crc = null;
        PageHeader? body = null;
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1:
                    thrift.Expect(type, ThriftType.Int32, "type of a page");
                    kind = thrift.ReadInt32();
                    break;
                case 2:
                    thrift.Expect(type, ThriftType.Int32, "size of a page");
                    uncompressed = thrift.ReadCount("size of a page");
                    break;
                case 3:
                    thrift.Expect(type, ThriftType.Int32, "compressed size of a page");
                    compressed = thrift.ReadCount("compressed size of a page");
                    break;
                case 4:
                    thrift.Expect(type, ThriftType.Int32, "checksum of a page");
                    crc = (uint)thrift.ReadInteger();
                    break;
                case 5 or 7 or 8:
                    thrift.Expect(type, ThriftType.Struct, "header of a page");
                    body = id == 8 ? ReadVersion2(ref thrift) : ReadVersion1(ref thrift);
                    break;
                default:
                    thrift.Skip(type);
                    break;
            }
        }

        if (kind < 0 || uncompressed < 0 || compressed < 0 || (body is null && (PageType)kind != PageType.Index))
        {
            throw place.Damaged("A page header is incomplete.");
        }

        return body.GetValueOrDefault() with
        {
            Type = (PageType)kind,
            UncompressedSize = uncompressed,
            CompressedSize = compressed,
            Crc = crc,
        };
    }

    // DataPageHeader, and DictionaryPageHeader, whose first two fields are the same.
    private static PageHeader ReadVersion1(ref ThriftReader thrift)
    {
        var header = new PageHeader(PageType.Data, 0, 0, null);
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            if (id > 4 || type is ThriftType.True or ThriftType.False)
            {
                thrift.Skip(type);
                continue;
            }

            thrift.Expect(type, ThriftType.Int32, "header of a page");
            header = id switch
            {
                1 => header with { EntryCount = thrift.ReadCount("number of values of a page") },
                2 => header with { Encoding = (PageEncoding)thrift.ReadInt32() },
                3 => header with { DefinitionEncoding = (PageEncoding)thrift.ReadInt32() },
                _ => header with { RepetitionEncoding = (PageEncoding)thrift.ReadInt32() },
            };
        }

        return header;
    }

    private static PageHeader ReadVersion2(ref ThriftReader thrift)
    {
        var header = new PageHeader(PageType.DataV2, 0, 0, null);
        int id = 0;
        while (thrift.NextField(ref id, out ThriftType type))
        {
            switch (id)
            {
                case 1:
                    thrift.Expect(type, ThriftType.Int32, "number of values of a page");
                    header = header with { EntryCount = thrift.ReadCount("number of values of a page") };
                    break;
                case 4:
                    thrift.Expect(type, ThriftType.Int32, "encoding of a page");
                    header = header with { Encoding = (PageEncoding)thrift.ReadInt32() };
                    break;
                case 5:
                    thrift.Expect(type, ThriftType.Int32, "size of the definition levels");
                    header = header with { DefinitionBytes = thrift.ReadCount("size of the definition levels") };
                    break;
                case 6:
                    thrift.Expect(type, ThriftType.Int32, "size of the repetition levels");
                    header = header with { RepetitionBytes = thrift.ReadCount("size of the repetition levels") };
                    break;
                case 7:
                    thrift.Expect(type, ThriftType.True, "compression flag of a page");
                    header = header with { IsCompressed = ThriftReader.ReadBoolean(type) };
                    break;
                default:
                    thrift.Skip(type);
                    break;
            }
        }

        return header;
    }
}
