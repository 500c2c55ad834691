namespace Rm.Formats.Rows;

/// <summary>A row that is used, and its 0-based position among all rows of its source.</summary>
internal readonly record struct SelectedRow(long Index, DataRow Row);
