namespace Rm.Host.Tests.Repository;

/// <summary>A golden file that got lost must not let the tests that read it shrink in silence.</summary>
public sealed class GoldenFilesTests
{
    [Theory]
    [InlineData("qwen2-tiny")]
    [InlineData("qwen2-hd64-attn")]
    [InlineData("qwen2-hd128-rslora")]
    [InlineData("qwen2-full")]
    [InlineData("llama-tiny")]
    [InlineData("qwen3-tiny")]
    public void Every_case_is_complete(string name)
    {
        string[] files = ["batch.json", "expected.json", "grads.safetensors", "model/config.json", "model/model.safetensors"];
        Assert.All(files.Select(file => $"cases/{name}/{file}"), RequireContent);
        if (name != "qwen2-full")
        {
            RequireContent($"cases/{name}/adapter/adapter_config.json");
            RequireContent($"cases/{name}/adapter/adapter_model.safetensors");
        }
    }

    [Theory]
    [InlineData("qwen2-tiny", "trained-adapter/adapter_model.safetensors")]
    [InlineData("llama-tiny", "trained-adapter/adapter_model.safetensors")]
    [InlineData("qwen2-full", "trained-model/model.safetensors")]
    public void Every_trajectory_is_complete(string name, string trained)
    {
        RequireContent($"cases/{name}/trajectory.json");
        RequireContent($"cases/{name}/{trained}");
    }

    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen2.5")]
    [InlineData("qwen3")]
    public void Every_tokenizer_family_is_complete(string family)
    {
        string[] files =
        [
            $"tokenizers/{family}/tokenizer.json", $"tokenizers/{family}/tokenizer_config.json", $"tokenizer/{family}.jsonl",
            $"template/{family}.jsonl",
        ];
        Assert.All(files, RequireContent);
    }

    /// <summary>A file that git keeps beside an archive's own would be taken for unpacked and vanish with the next archive.</summary>
    [Fact]
    public void What_lies_where_an_archive_is_unpacked_is_what_it_holds()
    {
        string[] archives = GoldenArchives.Under(TestPaths.Golden);
        Assert.True(archives.Length >= 11, $"only {archives.Length} archives found");
        foreach (string archive in archives)
        {
            string folder = GoldenArchives.FolderOf(archive), name = Path.GetRelativePath(TestPaths.Repository, folder);
            HashSet<string> held = [.. GoldenArchives.Names(archive)];
            HashSet<string> there =
                [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/'))];
            Findings.None(held.Except(there).Select(file => $"{name}/{file} is missing: delete {name}.unpacked and run a test"));
            Findings.None(there.Except(held).Select(
                file => $"{name}/{file} is not in {name}.tar.br: dotnet run tests/golden/scripts/pack.cs {name}"));
        }
    }

    private static void RequireContent(string path)
    {
        var file = new FileInfo(Path.Combine(TestPaths.Golden, path));
        Assert.True(file.Exists && file.Length > 0, $"tests/golden/{path} is missing or empty; tests/golden/scripts writes it");
    }
}
