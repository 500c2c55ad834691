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

    private static void RequireContent(string path)
    {
        var file = new FileInfo(Path.Combine(TestPaths.Golden, path));
        Assert.True(file.Exists && file.Length > 0, $"tests/golden/{path} is missing or empty; tests/golden/scripts writes it");
    }
}
