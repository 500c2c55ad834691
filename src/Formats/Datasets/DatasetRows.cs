using Rm.Formats.Hub;
using Rm.Formats.Rows;
using Rm.Formats.Splits;

namespace Rm.Formats.Datasets;

/// <summary>The rows of what the user calls a dataset.</summary>
public static class DatasetRows
{
    /// <summary>The rows of a data file, of a folder in which <see cref="DatasetFolder"/> finds the split, or of a hub's dataset.</summary>
    public static IRowSource Open(string pathOrFolder, string split, string? configuration = null) =>
        RowSource.OpenFiles(DatasetResolver.Resolve(pathOrFolder, split, configuration));
}
