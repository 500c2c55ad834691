using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Files;

namespace Rm.Formats.Parquet;

/// <summary>
/// Puts the rows of a row group together from its columns, as JSON objects. Columns that are not wanted are never touched. Source of the
/// method: Melnik et al., "Dremel: Interactive Analysis of Web-Scale Datasets", 2010, section 4.3.
/// </summary>
internal sealed class RowGroupReader : IDisposable
{
    private static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly IReadOnlyList<SchemaNode> _columns;
    private readonly ColumnReader?[] _readers;
    private readonly ArrayBufferWriter<byte> _buffer = new(1 << 12);
    private readonly Utf8JsonWriter _writer;
    private readonly JsonValueWriter _values = new();

    /// <param name="file">The file.</param>
    /// <param name="rowGroup">0-based number of the row group.</param>
    /// <param name="columns">Top-level columns to read, in file order.</param>
    public RowGroupReader(ParquetFile file, int rowGroup, IReadOnlyList<SchemaNode> columns)
    {
        _columns = columns;
        _readers = new ColumnReader?[file.Schema.Leaves.Count];
        _writer = new Utf8JsonWriter(_buffer, Options);
        IReadOnlyList<ColumnChunk> chunks = file.Metadata.RowGroups[rowGroup].Chunks;
        try
        {
            foreach (SchemaNode column in columns)
            {
                for (int i = column.FirstLeaf; i < column.FirstLeaf + column.LeafCount; i++)
                {
                    _readers[i] = new ColumnReader(file.Input, file.Schema.Leaves[i], chunks[i], rowGroup, file.Path);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The next row's JSON, valid until the next call. The caller asks for no more rows than the group has.</summary>
    public ReadOnlySpan<byte> NextRow()
    {
        _buffer.ResetWrittenCount();
        _writer.Reset();
        _writer.WriteStartObject();
        foreach (SchemaNode column in _columns)
        {
            RequireLevel(column, 0);
            _writer.WritePropertyName(column.Name);
            Write(column);
            RequireLevel(column, 0);
        }

        _writer.WriteEndObject();
        _writer.Flush();
        return _buffer.WrittenSpan;
    }

    /// <summary>Passes over a row without putting it together.</summary>
    public void SkipRow()
    {
        foreach (ColumnReader? reader in _readers)
        {
            reader?.SkipRow();
        }
    }

    /// <summary>Throws when a column has values beyond the last row.</summary>
    public void RequireEnd()
    {
        foreach (ColumnReader? reader in _readers)
        {
            if (reader is { IsAtEnd: false })
            {
                throw reader.Place.Damaged("It has more values than its row group has rows.");
            }
        }
    }

    public void Dispose()
    {
        _writer.Dispose();
        foreach (ColumnReader? reader in _readers)
        {
            reader?.Dispose();
        }
    }

    private ColumnReader First(SchemaNode node) => _readers[node.FirstLeaf]!;

    private void Write(SchemaNode node)
    {
        if (node.IsNullable && First(node).Definition < node.Definition)
        {
            SkipEntry(node, node.Definition);
            _writer.WriteNullValue();
            return;
        }

        switch (node.Kind)
        {
            case NodeKind.Leaf:
                _values.Write(_writer, First(node));
                break;
            case NodeKind.Struct:
                _writer.WriteStartObject();
                foreach (SchemaNode child in node.Children)
                {
                    _writer.WritePropertyName(child.Name);
                    Write(child);
                }

                _writer.WriteEndObject();
                break;
            case NodeKind.List:
                _writer.WriteStartArray();
                WriteElements(node);
                _writer.WriteEndArray();
                break;
            default:
                _writer.WriteStartObject();
                WriteElements(node);
                _writer.WriteEndObject();
                break;
        }

        RequireShort(First(node));
    }

    private void RequireShort(ColumnReader reader)
    {
        if (_writer.BytesCommitted + _writer.BytesPending > InputFile.MaxRowBytes)
        {
            throw reader.Place.Unsupported(JsonValueWriter.TooLong, JsonValueWriter.TooLongRemedy);
        }
    }

    // An empty list is one entry, whose definition level ends before the element's.
    private void WriteElements(SchemaNode node)
    {
        ColumnReader first = First(node);
        if (first.Definition < node.ElementDefinition)
        {
            SkipEntry(node, node.ElementDefinition);
            return;
        }

        int level;
        do
        {
            if (node.Kind == NodeKind.Map)
            {
                _values.WriteName(_writer, First(node.Children[0]));
                Write(node.Children[1]);
            }
            else
            {
                Write(node.Children[0]);
            }
            // A few bytes can stand for millions of nulls.
            RequireShort(first);
            level = first.Repetition;
            if (level > node.ElementRepetition)
            {
                throw first.Place.Damaged("A repetition level goes deeper than the list that it continues.");
            }

            RequireLevel(node, level);
        }
        while (level == node.ElementRepetition);
    }

    // All columns of a list must go on, or end, together.
    private void RequireLevel(SchemaNode node, int level)
    {
        for (int i = node.FirstLeaf; i < node.FirstLeaf + node.LeafCount; i++)
        {
            if (_readers[i]!.Repetition != level)
            {
                throw _readers[i]!.Place.Damaged("Its lists do not have the lengths of their rows or of the columns beside it.");
            }
        }
    }

    // What is null or empty above several columns has one entry in each of them.
    private void SkipEntry(SchemaNode node, int definition)
    {
        for (int i = node.FirstLeaf; i < node.FirstLeaf + node.LeafCount; i++)
        {
            ColumnReader reader = _readers[i]!;
            if (reader.Definition >= definition)
            {
                throw reader.Place.Damaged("It has a value where the columns beside it have none.");
            }

            reader.SkipEntry();
        }
    }
}
