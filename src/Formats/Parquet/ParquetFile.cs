using System.Buffers.Binary;

namespace Rm.Formats.Parquet;

/// <summary>An open Parquet file: its footer and schema. Pages are read by <see cref="ColumnReader"/>.</summary>
internal sealed class ParquetFile : IDisposable
{
    // A footer describes columns and row groups; hundreds of thousands of chunks fit.
    private const int MaxFooterBytes = 64 << 20;
    private const int MagicBytes = 4;
    private const int TailBytes = 8;

    private ParquetFile(string path, ParquetInput input, FileMetadata metadata, Schema schema)
    {
        Path = path;
        Input = input;
        Metadata = metadata;
        Schema = schema;
    }

    /// <summary>Path as the user gave it.</summary>
    public string Path { get; }

    /// <summary>The file's bytes.</summary>
    public ParquetInput Input { get; }

    /// <summary>The footer.</summary>
    public FileMetadata Metadata { get; }

    /// <summary>The columns.</summary>
    public Schema Schema { get; }

    /// <summary>
    /// Reads the footer; owns the stream from then on. Throws <see cref="UserInputException"/> when this is no readable Parquet file.
    /// </summary>
    public static ParquetFile Open(string path, Stream stream)
    {
        var input = new ParquetInput(stream, path);
        try
        {
            var place = new ParquetPlace(path);
            FileMetadata metadata = FooterReader.Read(ReadFooter(input, place), place);
            Schema schema = SchemaBuilder.Build(metadata.Schema, place);
            CheckRows(metadata, place);
            return new ParquetFile(path, input, metadata, schema);
        }
        catch
        {
            input.Dispose();
            throw;
        }
    }

    public void Dispose() => Input.Dispose();

    private static byte[] ReadFooter(ParquetInput input, ParquetPlace place)
    {
        if (input.Length < MagicBytes + TailBytes)
        {
            throw place.Damaged($"With {input.Length} bytes it is too short for a Parquet file.");
        }

        Span<byte> head = stackalloc byte[MagicBytes];
        Span<byte> tail = stackalloc byte[TailBytes];
        input.ReadAt(0, head);
        input.ReadAt(input.Length - TailBytes, tail);
        ReadOnlySpan<byte> magic = tail[4..];
        if (head.SequenceEqual("PARE"u8) || magic.SequenceEqual("PARE"u8))
        {
            throw place.Unsupported("It is encrypted.", "Write it without encryption.");
        }

        if (!head.SequenceEqual("PAR1"u8) || !magic.SequenceEqual("PAR1"u8))
        {
            throw place.Damaged("It does not begin and end as a Parquet file does (\"PAR1\").");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length > input.Length - MagicBytes - TailBytes || length > MaxFooterBytes)
        {
            throw place.Damaged($"Its footer claims {length} bytes, which do not fit.");
        }

        byte[] footer = new byte[length];
        input.ReadAt(input.Length - TailBytes - length, footer);
        return footer;
    }

    private static void CheckRows(FileMetadata metadata, ParquetPlace place)
    {
        Int128 sum = 0;
        foreach (RowGroup group in metadata.RowGroups)
        {
            sum += group.RowCount;
        }
        // Some writers leave the total at 0; any other that differs means that row groups were lost.
        if (sum != metadata.RowCount && metadata.RowCount != 0)
        {
            throw place.Damaged($"Its row groups have {sum} rows, its footer says {metadata.RowCount}.");
        }
    }
}
