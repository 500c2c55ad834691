using Rm.Formats.Datasets;
using Rm.Formats.Rows;
using Rm.Formats.Splits;

namespace Rm.Host.Tests.Data;

public sealed class DatasetFolderTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("train.jsonl", "validation.jsonl|train_prefs.jsonl|training.jsonl|README.md", null)]
    [InlineData("train.json", "validation.json|test.json", null)]
    [InlineData("train.csv.gz", "test.csv.gz", null)]
    [InlineData("train-00000-of-00002.jsonl|train-00001-of-00002.jsonl", "test-00000-of-00001.jsonl", null)]
    [InlineData("data/train-00000.csv|data/train-00001.csv", "data/test.csv", null)]
    [InlineData("harmless-base/train.jsonl.gz", "harmless-base/test.jsonl.gz", null)]
    [InlineData("askdocs/train.json", "askbaking/train.json", "askdocs")]
    [InlineData("data/b/train.jsonl", "data/a/train.jsonl", "b")]
    [InlineData("askacademia/train.json|askbaking/train.json", "askacademia/test.json|README.md|.cache/train.json", null)]
    [InlineData("train.jsonl", "extra/train.jsonl|test.jsonl", null)]
    [InlineData("a/train/0000.parquet", "a/test/0000.parquet", null)]
    [InlineData("total_dataset.json", "README.md|.cache/train.json", null)]
    [InlineData("harmless.jsonl|helpful.jsonl", "notes.txt", null)]
    public void FindsTheFilesOfASplit(string wanted, string others, string? configuration)
    {
        foreach (string name in wanted.Split('|').Concat(others.Split('|')))
        {
            _folder.Write(name, "x");
        }

        IReadOnlyList<string> found = DatasetFolder.Find(_folder.Path, "train", configuration);

        Assert.Equal(wanted.Split('|'), found.Select(file => Path.GetRelativePath(_folder.Path, file)));
    }

    [Theory]
    [InlineData("train.jsonl|train.csv", "more than one", "'train.jsonl'")]
    [InlineData("train.jsonl|data/train-0.jsonl", "more than one", "'data/train-0.jsonl'")]
    [InlineData("askdocs/train.json|askdocs/train.csv", "more than one", "'askdocs/train.csv'")]
    [InlineData("validation.json|sub/test.json", "no data file", "'sub/test.json'")]
    [InlineData("train.txt", "no data file", "nothing")]
    [InlineData("all.jsonl|all.csv", "no data file", "'all.csv'")]
    [InlineData("a/all.jsonl|b/all.jsonl", "no data file", "'b/all.jsonl'")]
    [InlineData("pairs.jsonl|test2.jsonl", "no data file", "'pairs.jsonl'")]
    [InlineData("filtered-00000-of-00001.jsonl", "no data file", "'filtered-00000-of-00001.jsonl'")]
    public void ListsWhatItFoundWhenThatIsNotOneSet(string files, string what, string listed)
    {
        foreach (string name in files.Split('|'))
        {
            _folder.Write(name, "x");
        }

        string message = Rows.Error(() => DatasetFolder.Find(_folder.Path, "train"));

        Assert.StartsWith(_folder.Path, message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
        Assert.Contains(listed, message, StringComparison.Ordinal);
    }

    [Fact]
    public void FoldersThatAreReadTogetherAreSaid()
    {
        _folder.Write("askbaking/train.json", "x");
        _folder.Write("askacademia/train.json", "x");
        using var log = new StringWriter();

        DatasetFolder.Find(_folder.Path, "train", null, log);

        Assert.Contains("2 folders", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("--hf-config", log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void FilesWithoutASplitInTheirNamesAreTrainingDataOnlyAndSaid()
    {
        _folder.Write("total_dataset.json", "x");
        using var log = new StringWriter();

        DatasetFolder.Find(_folder.Path, "train", null, log);

        Assert.Contains("'total_dataset.json'", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("read as split 'train'", log.ToString(), StringComparison.Ordinal);
        Assert.Contains("no data file", Rows.Error(() => DatasetFolder.Find(_folder.Path, "test")), StringComparison.Ordinal);
    }

    [Fact]
    public void ShardsAreReadOneAfterTheOther()
    {
        _folder.Write("train-0.jsonl", "{\"text\":\"a\"}\n");
        _folder.Write("train-1.jsonl", "{\"text\":\"b\"}\n");

        IRowSource source = DatasetRows.Open(_folder.Path, "train");

        Assert.Equal(["a", "b"], source.Read().Select(row => row.GetText("text")));
        Assert.Equal(2, source.Files.Count);
        Assert.EndsWith("train-1.jsonl", source.Read().Last().File, StringComparison.Ordinal);
    }
}
