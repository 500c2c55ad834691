using Rm.Formats;
using Rm.Formats.Hub;

namespace Rm.Host.Tests.Hub;

public sealed class ModelResolverTests : IDisposable
{
    private readonly FakeHub _hub = new();
    private readonly ScratchFolder _cache = new();
    private readonly HubRepo _tiny = new(HubRepoKind.Model, "org/tiny");

    private string Repo => Path.Combine(_cache.Path, "models--org--tiny");

    public void Dispose()
    {
        _hub.Dispose();
        _cache.Dispose();
    }

    [Fact]
    public void The_cache_has_the_python_clients_layout()
    {
        FakeRepo repo = _hub.Add("models/org/tiny").AsModel();

        string folder = ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path));

        Assert.Equal(Path.Combine(Repo, "snapshots", repo.Commit), folder);
        Assert.Equal(repo.Commit, File.ReadAllText(Path.Combine(Repo, "refs", "main")));
        string weights = FakeRepo.Sha256(repo.Files["model.safetensors"]);
        Assert.Equal(Path.Combine("..", "..", "blobs", weights), new FileInfo(Path.Combine(folder, "model.safetensors")).LinkTarget);
        Assert.Equal(repo.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Equal(
            Path.Combine("..", "..", "blobs", FakeRepo.GitHash(repo.Files["config.json"])),
            new FileInfo(Path.Combine(folder, "config.json")).LinkTarget);
        Assert.True(File.Exists(Path.Combine(Repo, ".no_exist", repo.Commit, "chat_template.jinja")));
        Assert.True(File.Exists(Path.Combine(_cache.Path, ".locks", "models--org--tiny", $"{weights}.lock")));
        Assert.DoesNotContain(
            Directory.EnumerateFiles(Path.Combine(Repo, "blobs")), file => file.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    [Fact]
    public void Only_what_a_model_needs_is_fetched()
    {
        _hub.Add("models/org/tiny").AsModel();
        string folder = ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path));
        Assert.Equal(
            ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"],
            Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_chat_template_is_fetched()
    {
        _hub.Add("models/org/tiny").AsModel().With("chat_template.jinja", "d").With("additional_chat_templates/tool_use.jinja", "t")
            .With("additional_chat_templates/notes.txt", "n").With("other/x.jinja", "x");
        string folder = ModelResolver.Resolve(_tiny, ModelParts.Tokenizer, _hub.Settings(_cache.Path));
        Assert.Equal("d", File.ReadAllText(Path.Combine(folder, "chat_template.jinja")));
        Assert.Equal("t", File.ReadAllText(Path.Combine(folder, "additional_chat_templates", "tool_use.jinja")));
        Assert.False(File.Exists(Path.Combine(folder, "additional_chat_templates", "notes.txt")));
        Assert.False(Directory.Exists(Path.Combine(folder, "other")));
        Assert.Equal(folder, ModelResolver.Resolve(_tiny, ModelParts.Tokenizer, _hub.Settings(_cache.Path) with { Offline = true }));
    }

    [Fact]
    public void What_is_there_is_used_without_a_request()
    {
        _hub.Add("models/org/tiny").AsModel();
        string first = ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path));
        int requests = _hub.Server.Requests.Count;

        Assert.Equal(first, ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path)));
        Assert.Equal(first, ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path) with { Offline = true }));
        Assert.Equal(requests, _hub.Server.Requests.Count);
        Assert.Contains("using the copy", _hub.Messages.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_alone_is_fetched_without_weights_and_completed_later()
    {
        _hub.Add("models/org/tiny").AsModel();
        string folder = ModelResolver.Resolve(_tiny, ModelParts.Tokenizer, _hub.Settings(_cache.Path));
        Assert.False(File.Exists(Path.Combine(folder, "model.safetensors")));
        UserInputException e = Assert.Throws<UserInputException>(
            () => ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path) with { Offline = true }));
        Assert.Contains("not completely in the cache", e.Message, StringComparison.Ordinal);

        ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path));
        Assert.True(File.Exists(Path.Combine(folder, "model.safetensors")));
    }

    [Fact]
    public void Shards_come_from_the_index_and_nothing_else_does()
    {
        FakeRepo repo = _hub.Add("models/org/tiny").AsModel()
            .With("model.safetensors.index.json", """{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}""")
            .With("model-1.safetensors", "one").With("model-2.safetensors", "two").With("consolidated.safetensors", "both");
        repo.Files.Remove("model.safetensors");

        string folder = ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path));

        Assert.Equal("two", File.ReadAllText(Path.Combine(folder, "model-2.safetensors")));
        Assert.False(File.Exists(Path.Combine(folder, "consolidated.safetensors")));
        Assert.Equal(folder, ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path) with { Offline = true }));
        File.Delete(Path.Combine(folder, "model-2.safetensors"));
        Assert.Throws<UserInputException>(
            () => ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path) with { Offline = true }));
    }

    [Fact]
    public void A_branch_and_a_commit_are_found_by_revision()
    {
        FakeRepo old = _hub.Add("models/org/tiny@refs/pr/1").AsModel().With("config.json", "{\"old\": 1}");
        _hub.Add("models/org/tiny").AsModel();
        string folder = ModelResolver.Resolve(_tiny with { Revision = "refs/pr/1" }, ModelParts.All, _hub.Settings(_cache.Path));
        Assert.Equal("{\"old\": 1}", File.ReadAllText(Path.Combine(folder, "config.json")));
        Assert.Equal(old.Commit, File.ReadAllText(Path.Combine(Repo, "refs", "refs", "pr", "1")));
        HubSettings offline = _hub.Settings(_cache.Path) with { Offline = true };
        Assert.Equal(folder, ModelResolver.Resolve(_tiny with { Revision = old.Commit }, ModelParts.All, offline));
        Assert.Throws<UserInputException>(() => ModelResolver.Resolve(_tiny, ModelParts.All, offline));
    }

    [Fact]
    public void A_mirror_with_names_alone_and_a_paged_tree_both_work()
    {
        _hub.Add("models/org/tiny").AsModel().HasNoTree = true;
        ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path));

        _hub.PageSize = 2;
        FakeRepo paged = _hub.Add("models/org/paged").AsModel();
        string folder = ModelResolver.Resolve(_tiny with { Id = "org/paged" }, ModelParts.All, _hub.Settings(_cache.Path));
        Assert.Equal(paged.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    [Fact]
    public void A_snapshot_that_the_python_client_made_is_used_as_it_is()
    {
        const string Commit = "0123456789012345678901234567890123456789";
        WriteSnapshot(Commit, ("config.json", "{}"), ("model.safetensors", "w"), ("tokenizer.json", "{}"));
        HubSettings offline = _hub.Settings(_cache.Path) with { Offline = true };
        Assert.Equal(Path.Combine(Repo, "snapshots", Commit), ModelResolver.Resolve(_tiny, ModelParts.All, offline));

        // Newer clients keep the tree, which tells that something is missing.
        _cache.Write(Path.Combine("models--org--tiny", "trees", $"{Commit}.json"),
            """{"format_version": 1, "files": {"config.json": {"size": 2, "blob_id": "a"}, "model.safetensors": {"size": 1, "blob_id": "b", "lfs_sha256": "c", "lfs_size": 1}, "tokenizer.json": {"size": 2, "blob_id": "a"}, "tokenizer_config.json": {"size": 2, "blob_id": "a"}}}""");
        Assert.Throws<UserInputException>(() => ModelResolver.Resolve(_tiny, ModelParts.All, offline));
        Assert.Empty(_hub.Server.Requests);
    }

    [Fact]
    public void Without_links_the_snapshot_holds_the_files()
    {
        FakeRepo repo = _hub.Add("models/org/tiny").AsModel().With("tokenizer.json", "{}").With("tokenizer_config.json", "{}");
        HubSettings settings = _hub.Settings(_cache.Path) with { UseSymlinks = false };
        string folder = ModelResolver.Resolve(_tiny, ModelParts.All, settings);
        Assert.All(Directory.GetFiles(folder), file => Assert.Null(new FileInfo(file).LinkTarget));
        Assert.Equal(repo.Files["model.safetensors"], File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(folder, "tokenizer.json")));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(folder, "tokenizer_config.json")));
        Assert.Empty(Directory.GetFiles(Path.Combine(Repo, "blobs")));
        Assert.Equal(folder, ModelResolver.Resolve(_tiny, ModelParts.All, settings with { Offline = true }));
    }

    [Fact]
    public void An_adapter_is_fetched_as_one_and_not_as_a_model()
    {
        _hub.Add("models/org/tiny").With("adapter_config.json", "{}").With("adapter_model.safetensors", "w").With("optimizer.bin", "o");
        string folder = ModelResolver.Resolve(_tiny, ModelParts.Adapter, _hub.Settings(_cache.Path));
        Assert.Equal(2, Directory.GetFiles(folder).Length);
        UserInputException e =
            Assert.Throws<UserInputException>(() => ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path)));
        Assert.Contains("is an adapter", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_in_other_formats_alone_are_an_error_that_lists_them()
    {
        _hub.Add("models/org/tiny").With("config.json", "{}").With("pytorch_model.bin", "p");
        UserInputException e =
            Assert.Throws<UserInputException>(() => ModelResolver.Resolve(_tiny, ModelParts.All, _hub.Settings(_cache.Path)));
        Assert.Contains("'pytorch_model.bin'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_local_folder_wins_and_a_name_that_is_nothing_says_so()
    {
        Assert.Equal(_cache.Path, ModelResolver.Resolve(_cache.Path));
        UserInputException e = Assert.Throws<UserInputException>(() => ModelResolver.Resolve(Path.Combine(_cache.Path, "none")));
        Assert.Contains("no such folder", e.Message, StringComparison.Ordinal);
    }

    private void WriteSnapshot(string commit, params (string Name, string Content)[] files)
    {
        string snapshot = Path.Combine(Repo, "snapshots", commit);
        Directory.CreateDirectory(snapshot);
        foreach ((string name, string content) in files)
        {
            _cache.Write(Path.Combine("models--org--tiny", "blobs", name + "-blob"), content);
            File.CreateSymbolicLink(Path.Combine(snapshot, name), $"../../blobs/{name}-blob");
        }

        _cache.Write(Path.Combine("models--org--tiny", "refs", "main"), commit);
    }
}
