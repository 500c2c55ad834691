using System.Runtime.InteropServices;
using System.Text.Json;

namespace Rm.Formats.Rows;

/// <summary>
/// One row of a data file: its columns as JSON values and where it came from, for error messages.
/// </summary>
public sealed class DataRow
{
    private readonly Dictionary<string, JsonElement> _columns;

    private DataRow(string file, long line, Dictionary<string, JsonElement> columns, int byteLength, bool isText)
    {
        File = file;
        Line = line;
        _columns = columns;
        ByteLength = byteLength;
        IsText = isText;
    }

    /// <summary>Path of the file, as the user gave it.</summary>
    public string File { get; }

    /// <summary>1-based line on which the row begins, or 1-based row number in a file without lines.</summary>
    public long Line { get; }

    /// <summary>Size of the row in the file's own form, in bytes; bounds how many rows are held at once.</summary>
    public int ByteLength { get; }

    /// <summary>True when every value is a string because the format has no types (CSV).</summary>
    public bool IsText { get; }

    /// <summary>Names of the columns, in file order.</summary>
    public IReadOnlyCollection<string> ColumnNames => _columns.Keys;

    /// <summary>The columns and their values, in file order.</summary>
    public IReadOnlyDictionary<string, JsonElement> Columns => _columns;

    /// <summary>
    /// A row from a JSON object that stays valid by itself (not backed by a pooled document). Throws
    /// <see cref="UserInputException"/> when the value is no object or a column name is not valid text.
    /// </summary>
    public static DataRow FromJson(string file, long line, JsonElement value, int byteLength, bool isText = false)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new UserInputException(
                $"{file}, line {line}: a row must be a JSON object with named columns, not {Describe(value.ValueKind)}.");
        }

        var columns = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        try
        {
            foreach (JsonProperty property in value.EnumerateObject())
            {
                columns[property.Name] = property.Value;
            }
        }
        catch (InvalidOperationException e)
        {
            throw new UserInputException($"{file}, line {line}: a column name is not valid Unicode text.", e);
        }

        return new DataRow(file, line, columns, byteLength, isText);
    }

    /// <summary>The same row without some of its columns.</summary>
    public DataRow Without(IReadOnlySet<string> columns) => new(
        File, Line, _columns.Where(column => !columns.Contains(column.Key)).ToDictionary(StringComparer.Ordinal), ByteLength, IsText);

    /// <summary>The row with some of its columns.</summary>
    public DataRow With(IReadOnlyCollection<string> columns) => new(
        File, Line, _columns.Where(column => columns.Contains(column.Key))
            .ToDictionary(column => column.Key, column => column.Value, StringComparer.Ordinal), ByteLength, IsText);

    /// <summary>The row with other values in some of its columns.</summary>
    public DataRow With(IReadOnlyDictionary<string, JsonElement> values) => new(
        File, Line, _columns.ToDictionary(
            column => column.Key, column => values.TryGetValue(column.Key, out JsonElement value) ? value : column.Value,
            StringComparer.Ordinal),
        ByteLength, IsText);

    /// <summary>The value of a column; false when the column is absent or null.</summary>
    public bool TryGet(string column, out JsonElement value) =>
        _columns.TryGetValue(column, out value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined);

    /// <summary>True when the row has a value other than null in that column.</summary>
    public bool Has(string column) => TryGet(column, out _);

    /// <summary>An error about this row.</summary>
    public UserInputException Error(string message) => new($"{File}, line {Line}: {message}");

    /// <summary>An error about one field of this row.</summary>
    public UserInputException Error(string field, string message, Exception? inner = null) =>
        new($"{File}, line {Line}, field '{field}': {message}", inner);

    /// <summary>
    /// Writes the columns into an object that <paramref name="writer"/> has open, each value byte for byte as it was read, but not those
    /// that the caller is about to write itself.
    /// </summary>
    public void WriteColumns(Utf8JsonWriter writer, params ReadOnlySpan<string> except)
    {
        foreach ((string name, JsonElement value) in _columns)
        {
            if (!except.Contains(name))
            {
                writer.WritePropertyName(name);
                writer.WriteRawValue(JsonMarshal.GetRawUtf8Value(value), skipInputValidation: true);
            }
        }
    }

    internal static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a true/false value",
        _ => "null",
    };
}
