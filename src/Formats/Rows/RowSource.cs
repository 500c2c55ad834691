using Rm.Formats.Files;

namespace Rm.Formats.Rows;

/// <summary>Picks the reader of a data file by its name.</summary>
public static class RowSource
{
    /// <summary>The file name endings that can be read, for messages.</summary>
    public const string KnownEndings = ".jsonl, .json, .csv, each also with .gz or .zst, and .parquet";

    /// <summary>The rows of one file. Throws <see cref="UserInputException"/> when it is missing or of an unknown format.</summary>
    public static IRowSource OpenFile(string path)
    {
        if (!File.Exists(path))
        {
            throw new UserInputException(Directory.Exists(path)
                ? $"{path}: is a folder. Name a data file in it, or give the folder as a dataset with a split."
                : $"{path}: no such file.");
        }

        return FormatOf(path) switch
        {
            DataFormat.JsonLines => new JsonLinesSource(path),
            DataFormat.Json => new JsonArraySource(path),
            DataFormat.Csv => new CsvSource(path),
            DataFormat.Parquet => new ParquetSource(path),
            _ => throw new UserInputException($"{path}: unknown kind of data file. Known are {KnownEndings}."),
        };
    }

    /// <summary>The rows of several files, one file after the other.</summary>
    public static IRowSource OpenFiles(IReadOnlyList<string> paths) =>
        Concatenate([.. paths.Select(OpenFile)]);

    /// <summary>The rows of several sources, one after the other.</summary>
    public static IRowSource Concatenate(IReadOnlyList<IRowSource> sources) =>
        sources.Count == 1 ? sources[0] : new ConcatenatedSource(sources);

    /// <summary>The format that a file name stands for, or null.</summary>
    internal static DataFormat? FormatOf(string path)
    {
        string name = InputFile.WithoutCompression(path);
        return Path.GetExtension(name).ToUpperInvariant() switch
        {
            ".JSONL" or ".NDJSON" => DataFormat.JsonLines,
            ".JSON" => DataFormat.Json,
            ".CSV" => DataFormat.Csv,
            ".PARQUET" => DataFormat.Parquet,
            _ => null,
        };
    }

    private sealed class ConcatenatedSource(IReadOnlyList<IRowSource> sources) : IRowSource
    {
        public IReadOnlyList<string> Files { get; } = [.. sources.SelectMany(source => source.Files)];

        public IReadOnlyList<IRowSource> Parts => sources;

        public IEnumerable<DataRow> Read() => sources.SelectMany(source => source.Read());

        public IEnumerable<DataRow> Read(Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns) =>
            sources.SelectMany(source => source.Read(chooseColumns));
    }
}
