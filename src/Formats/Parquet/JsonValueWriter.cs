using System.Text.Json;
using System.Text.Unicode;
using Rm.Formats.Files;

namespace Rm.Formats.Parquet;

/// <summary>
/// Writes stored values as JSON: text as it is; bytes that are no text as {"base64": ...}, so that they cannot be taken for text; numbers
/// with all their digits, NaN and infinities as strings; dates and times in ISO 8601.
/// </summary>
internal sealed class JsonValueWriter
{
    /// <summary>What is wrong with a row or value that takes too much memory.</summary>
    public static readonly string TooLong = $"A row is longer than {InputFile.MaxRowBytes >> 20} MiB.";

    /// <summary>What to do about it.</summary>
    public const string TooLongRemedy = "Split it, or leave out the column that is so long.";

    private readonly byte[] _scratch = new byte[ScalarText.MaxBytes];

    /// <summary>Takes the column's value and writes it.</summary>
    public void Write(Utf8JsonWriter writer, ColumnReader reader)
    {
        ColumnValue value = default;
        reader.Read(ref value);
        LeafColumn column = reader.Column;
        switch (BytesOf(reader, value, out bool isText))
        {
            case null:
                ReadOnlySpan<byte> text = _scratch.AsSpan(0, ScalarText.Format(column, value, _scratch, out bool isNumber));
                if (isNumber)
                {
                    writer.WriteRawValue(text, skipInputValidation: true);
                }
                else
                {
                    writer.WriteStringValue(text);
                }

                break;
            case { } json when column.Annotation.Kind == ValueKind.Json:
                CheckJson(json, writer.CurrentDepth, reader);
                writer.WriteRawValue(json, skipInputValidation: true);
                break;
            case { } bytes when isText:
                writer.WriteStringValue(bytes);
                break;
            case { } bytes:
                writer.WriteStartObject();
                writer.WriteBase64String("base64"u8, bytes);
                writer.WriteEndObject();
                break;
        }
    }

    /// <summary>Takes the column's value, a map's key, and writes it as a property name.</summary>
    public void WriteName(Utf8JsonWriter writer, ColumnReader reader)
    {
        ColumnValue value = default;
        reader.Read(ref value);
        switch (BytesOf(reader, value, out bool isText))
        {
            case null:
                writer.WritePropertyName(_scratch.AsSpan(0, ScalarText.Format(reader.Column, value, _scratch, out _)));
                break;
            case { } bytes when isText:
                writer.WritePropertyName(bytes);
                break;
            case { } bytes:
                writer.WritePropertyName(Convert.ToBase64String(bytes));
                break;
        }
    }

    // The row that the value becomes a part of is parsed as a whole; depth and syntax must hold there.
    private static void CheckJson(ReadOnlySpan<byte> json, int depth, ColumnReader reader)
    {
        const int deepest = 64;
        try
        {
            var parser = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Math.Max(1, deepest - depth) });
            bool any = false;
            while (parser.Read())
            {
                any = true;
            }

            if (any)
            {
                return;
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw reader.Place.Unsupported(
            "A value of a column that is marked as JSON is not valid JSON.", "Write the column as plain text, or its values as JSON.");
    }

    // The bytes of a value that is text or just bytes; null for what is formatted.
    private static ArraySegment<byte>? BytesOf(ColumnReader reader, in ColumnValue value, out bool isText)
    {
        LeafColumn column = reader.Column;
        isText = false;
        bool hasBytes = column.Type is PhysicalType.ByteArray or PhysicalType.FixedLengthByteArray;
        if (!hasBytes || column.Annotation.Kind is not (ValueKind.Text or ValueKind.Json or ValueKind.Bytes or ValueKind.Physical))
        {
            return column.Annotation.Kind == ValueKind.Decimal && value.Bytes.Count > ScalarText.MaxDecimalBytes
                ? throw reader.Place.Damaged($"A decimal has {value.Bytes.Count} bytes.")
                : null;
        }

        if (value.Bytes.Count > InputFile.MaxRowBytes)
        {
            throw reader.Place.Unsupported(TooLong, TooLongRemedy);
        }

        isText = column.Annotation.Kind != ValueKind.Bytes && Utf8.IsValid(value.Bytes);
        return isText || column.Annotation.Kind is not (ValueKind.Text or ValueKind.Json)
            ? value.Bytes
            : throw reader.Place.Unsupported("A text is not valid UTF-8.", "Write the column as UTF-8, or as binary if it is no text.");
    }
}
