namespace Rm.Formats.Rows;

/// <summary>File formats of data rows.</summary>
internal enum DataFormat
{
    JsonLines,
    Json,
    Csv,
    Parquet,
}
