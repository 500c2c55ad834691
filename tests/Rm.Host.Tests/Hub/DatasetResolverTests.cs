using Rm.Formats;
using Rm.Formats.Hub;

namespace Rm.Host.Tests.Hub;

public sealed class DatasetResolverTests : IDisposable
{
    private readonly FakeHub _hub = new();
    private readonly ScratchFolder _cache = new();

    public void Dispose()
    {
        _hub.Dispose();
        _cache.Dispose();
    }

    [Fact]
    public void Domains_of_a_dataset_are_read_one_after_the_other_and_one_can_be_chosen()
    {
        Add("askbaking/train.json", "askacademia/train.json", "askacademia/test.json", "README.md");
        Assert.Equal(["askacademia/train.json", "askbaking/train.json"], Resolve("train"));
        Assert.Contains("2 folders", _hub.Messages.ToString(), StringComparison.Ordinal);
        Assert.Equal(["askbaking/train.json"], Resolve("train", "askbaking"));
        Assert.DoesNotContain(_hub.Server.Requests, r => r.Path.EndsWith("test.json", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("train", "data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet data/train_prefs-00000-of-00001.parquet")]
    [InlineData("train", "train.jsonl", "test.jsonl extra/train.jsonl README.md")]
    [InlineData("test", "harmless-base/test.jsonl.gz helpful-base/test.jsonl.gz",
        "harmless-base/train.jsonl.gz red-team-attempts/red_team_attempts.jsonl.gz")]
    [InlineData("validation", "a/validation/0000.parquet", "a/train/0000.parquet .cache/validation.json")]
    public void Names_tell_the_split(string split, string expected, string others)
    {
        Add([.. expected.Split(' '), .. others.Split(' ')]);
        Assert.Equal(expected.Split(' '), Resolve(split));
    }

    [Fact]
    public void Declared_configurations_decide_and_several_are_an_error_that_lists_them()
    {
        Add("en/a.jsonl", "en/b.jsonl", "de/a.jsonl").Configs =
            """[{"config_name": "english", "data_files": [{"split": "train", "path": "en/a*"}, {"split": "test", "path": ["en/b.jsonl"]}]}, {"config_name": "german", "data_files": "de/*.jsonl"}]""";
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve("train"));
        Assert.Contains("'english', 'german'", e.Message, StringComparison.Ordinal);
        Assert.Contains("--hf-config", e.Message, StringComparison.Ordinal);
        Assert.Equal(["en/a.jsonl"], Resolve("train", "english"));
        Assert.Equal(["en/b.jsonl"], Resolve("test", "english"));
        Assert.Equal(["de/a.jsonl"], Resolve("train", "german"));

        // Offline the kept listing tells the same.
        Assert.Equal(["en/b.jsonl"], Resolve("test", "english", offline: true));
        Assert.Throws<UserInputException>(() => Resolve("train", offline: true));
    }

    [Fact]
    public void The_default_configuration_needs_no_name()
    {
        Add("x/a.jsonl", "y/a.jsonl").Configs =
            """[{"config_name": "x", "data_dir": "x", "data_files": "a.jsonl"}, {"config_name": "y", "default": true, "data_files": [{"split": "train", "path": "y/**"}]}]""";
        Assert.Equal(["y/a.jsonl"], Resolve("train"));
        Assert.Equal(["x/a.jsonl"], Resolve("train", "x"));
    }

    [Fact]
    public void Without_readable_files_the_parquet_copy_is_taken()
    {
        Add("loader.py", "archive.zip");
        Add("@refs/convert/parquet", "default/train/0000.parquet", "default/train/0001.parquet", "default/partial-test/0000.parquet");
        Assert.Equal(["default/train/0000.parquet", "default/train/0001.parquet"], Resolve("train"));
        Assert.Equal(["default/train/0000.parquet", "default/train/0001.parquet"], Resolve("train", offline: true));
        Resolve("test");
        Assert.Contains("only the first part of split 'test'", _hub.Messages.ToString(), StringComparison.Ordinal);
        Assert.Contains(
            "no data file of split 'dev'", Assert.Throws<UserInputException>(() => Resolve("dev")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_configurations_of_the_parquet_copy_are_an_error_too()
    {
        Add("loader.py");
        Add("@refs/convert/parquet", "a/train/0000.parquet", "b/train/0000.parquet");
        Assert.Contains("'a', 'b'", Assert.Throws<UserInputException>(() => Resolve("train")).Message, StringComparison.Ordinal);
        Assert.Equal(["b/train/0000.parquet"], Resolve("train", "b"));
    }

    [Fact]
    public void A_split_that_is_not_there_lists_what_is()
    {
        Add("train.jsonl");
        UserInputException e = Assert.Throws<UserInputException>(() => Resolve("validation"));
        Assert.Contains("split 'validation'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'train.jsonl'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_sets_of_files_are_an_error()
    {
        Add("train.jsonl", "train.csv");
        Assert.Contains("more than one set", Assert.Throws<UserInputException>(() => Resolve("train")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Offline_a_split_that_was_not_fetched_is_an_error_and_requests_nothing()
    {
        Add("train.jsonl", "test.jsonl");
        Resolve("train");
        int requests = _hub.Server.Requests.Count;
        Assert.Equal(["train.jsonl"], Resolve("train", offline: true));
        Assert.Contains("HF_DATASETS_OFFLINE", Assert.Throws<UserInputException>(() => Resolve("test", offline: true)).Message,
            StringComparison.Ordinal);
        Assert.Equal(requests, _hub.Server.Requests.Count);
    }

    [Fact]
    public void A_snapshot_that_lacks_shards_is_not_taken_for_whole()
    {
        string commit = new('a', 40);
        foreach (int shard in new[] { 0, 2 })
        {
            _cache.Write(Path.Combine("datasets--org--data", "snapshots", commit, "data", $"train-0000{shard}-of-00003.jsonl"), "{}");
        }

        _cache.Write(Path.Combine("datasets--org--data", "refs", "main"), commit);
        Assert.Throws<UserInputException>(() => Resolve("train", offline: true));
        _cache.Write(Path.Combine("datasets--org--data", "snapshots", commit, "data", "train-00001-of-00003.jsonl"), "{}");
        Assert.Equal(3, Resolve("train", offline: true).Length);
    }

    [Theory]
    [InlineData("data/train-*", "data/train-00000-of-00001.parquet", true)]
    [InlineData("*.jsonl", "sub/a.jsonl", false)]
    [InlineData("**/*.jsonl", "a.jsonl", true)]
    [InlineData("**/*.jsonl", "x/y/a.jsonl", true)]
    [InlineData("x/**", "x/y/a.jsonl", true)]
    [InlineData("x", "x/y/a.jsonl", true)]
    [InlineData("x", "xy/a.jsonl", false)]
    [InlineData("tr?in.json", "train.json", true)]
    [InlineData("./train.json", "train.json", true)]
    [InlineData("a*b*c", "aXbYbZc", true)]
    [InlineData("a*b*c", "aXbYbZ", false)]
    [InlineData("", "train.json", false)]
    public void Patterns_match_as_in_a_shell(string pattern, string path, bool expected) =>
        Assert.Equal(expected, GlobPattern.IsMatch(pattern, path));

    private FakeRepo Add(params string[] files)
    {
        string revision = files[0].StartsWith('@') ? files[0] : "";
        FakeRepo repo = _hub.Add("datasets/org/data" + revision);
        foreach (string file in files.Where(f => !f.StartsWith('@')))
        {
            repo.With(file, $"{{\"file\": \"{file}\"}}\n");
        }

        return repo;
    }

    // Paths in the repository of what is resolved; every one must hold its own content.
    private string[] Resolve(string split, string? configuration = null, bool offline = false)
    {
        IReadOnlyList<string> files = DatasetResolver.Resolve(
            new HubRepo(HubRepoKind.Dataset, "org/data"), split, configuration,
            _hub.Settings(_cache.Path) with { DatasetsOffline = offline });
        string[] names = [.. files.Select(file => string.Join('/', Path.GetRelativePath(
            Path.Combine(_cache.Path, "datasets--org--data", "snapshots"), file).Split(Path.DirectorySeparatorChar)[1..]))];
        Assert.All(files.Zip(names), f => Assert.Contains(f.Second.Contains("-of-", StringComparison.Ordinal) && offline ? "{" : f.Second,
            File.ReadAllText(f.First), StringComparison.Ordinal));
        return names;
    }
}
