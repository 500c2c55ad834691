using System.Text.Json;

namespace Rm.Host.Reporting.Html;

/// <summary>How a figure is shown.</summary>
internal enum FigureFormat
{
    /// <summary>Three or four digits.</summary>
    Number,

    /// <summary>A share, as a percentage.</summary>
    Percent,

    /// <summary>A whole number with separators.</summary>
    Count,

    /// <summary>Hours, minutes and seconds.</summary>
    Seconds,
}

/// <summary>A figure at the head of a page.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Value">The figure.</param>
/// <param name="Format">How it is shown.</param>
/// <param name="Note">What it belongs to, such as a step.</param>
internal sealed record Figure(string Label, double Value, FigureFormat Format, string Note)
{
    /// <summary>Ends of the 95% interval, where there is one.</summary>
    public (double Low, double High)? Interval { get; init; }

    /// <summary>Writes the figure as an object.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("label", Label);
        JsonNumbers.Field(writer, "value", Value);
        writer.WriteString("format", JsonNamingPolicy.SnakeCaseLower.ConvertName(Format.ToString()));
        writer.WriteString("note", Note);
        if (Interval is { } interval)
        {
            JsonNumbers.Field(writer, "low", interval.Low);
            JsonNumbers.Field(writer, "high", interval.High);
        }

        writer.WriteEndObject();
    }
}
