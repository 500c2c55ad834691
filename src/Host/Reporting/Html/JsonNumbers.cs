using System.Globalization;
using System.Text.Json;

namespace Rm.Host.Reporting.Html;

/// <summary>Numbers for charts: six digits are more than a screen shows, and keep the file small.</summary>
internal static class JsonNumbers
{
    private const double LargestWhole = 1L << 53;

    /// <summary>Writes a number; null when it is not finite.</summary>
    public static void Value(Utf8JsonWriter writer, double value)
    {
        if (!double.IsFinite(value))
        {
            writer.WriteNullValue();
        }
        else if (value == Math.Floor(value) && Math.Abs(value) < LargestWhole)
        {
            writer.WriteNumberValue((long)value);
        }
        else
        {
            writer.WriteRawValue(value.ToString("G6", CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Writes a field.</summary>
    public static void Field(Utf8JsonWriter writer, string name, double? value)
    {
        writer.WritePropertyName(name);
        Value(writer, value ?? double.NaN);
    }

    /// <summary>Writes a field with a list.</summary>
    public static void Array(Utf8JsonWriter writer, string name, IEnumerable<double> values)
    {
        writer.WriteStartArray(name);
        foreach (double value in values)
        {
            Value(writer, value);
        }

        writer.WriteEndArray();
    }

    /// <summary>Writes a table as an object of columns.</summary>
    public static void Table(Utf8JsonWriter writer, string name, ThinnedTable table)
    {
        writer.WriteStartObject(name);
        writer.WriteNumber("rows", table.Added);
        writer.WriteBoolean("thinned", table.IsThinned);
        writer.WriteStartObject("columns");
        foreach (string column in table.Names)
        {
            Array(writer, column, table.Column(column)!);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
