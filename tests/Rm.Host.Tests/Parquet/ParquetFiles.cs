using Rm.Formats.Rows;
using Rm.Host.Tests.Data;

namespace Rm.Host.Tests.Parquet;

/// <summary>The Parquet files of the golden folder.</summary>
internal static class ParquetFiles
{
    public static string Path(string name) => System.IO.Path.Combine(TestPaths.Golden, "parquet", name);

    public static byte[] Bytes(string name) => File.ReadAllBytes(Path(name));

    /// <summary>Names, with their folder, of the .parquet files of a folder.</summary>
    public static IEnumerable<string> In(string folder) =>
        Directory.GetFiles(Path(folder), "*.parquet").Order(StringComparer.Ordinal)
            .Select(file => $"{folder}/{System.IO.Path.GetFileName(file)}");

    public static List<DataRow> Read(string name) => Rows.Read(Path(name));

    /// <summary>The rows of a file that is only in memory; <paramref name="limit"/> bounds what a hostile file can claim.</summary>
    public static List<DataRow> Read(byte[] bytes, int limit = int.MaxValue) =>
        [.. new ParquetSource("memory.parquet", () => new MemoryStream(bytes)).Read().Take(limit)];
}
