using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Rm.Host.Tests.Hub;

/// <summary>A repository of <see cref="FakeHub"/> at a revision.</summary>
internal sealed class FakeRepo(string commit)
{
    public string Commit { get; } = commit;

    public SortedDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Names that the listing has beside those of <see cref="Files"/>.</summary>
    public List<string> FalseNames { get; } = [];

    /// <summary>The card's configurations, as JSON.</summary>
    public string? Configs { get; set; }

    /// <summary>The server knows no tree address, like some mirrors.</summary>
    public bool HasNoTree { get; set; }

    public IEnumerable<string> Names => Files.Keys.Concat(FalseNames);

    public FakeRepo With(string name, string content) => With(name, Encoding.UTF8.GetBytes(content));

    public FakeRepo With(string name, byte[] content)
    {
        Files[name] = content;
        return this;
    }

    public JsonNode TreeEntry(string name)
    {
        byte[] content = Files.GetValueOrDefault(name) ?? [];
        var entry = new JsonObject { ["type"] = "file", ["oid"] = GitHash(content), ["size"] = content.Length, ["path"] = name };
        if (IsLarge(name))
        {
            entry["lfs"] = new JsonObject { ["oid"] = Sha256(content), ["size"] = content.Length, ["pointerSize"] = 134 };
        }

        return entry;
    }

    public static bool IsLarge(string name) => Path.GetExtension(name) is ".safetensors" or ".parquet" or ".gz" or ".bin";

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    [SuppressMessage("Security", "CA5350", Justification = "Git's object ids are SHA-1.")]
    public static string GitHash(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));

    /// <summary>Bytes that no two places have in common.</summary>
    public static byte[] RandomBytes(int count, int seed = 1)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>A repository with what a model has, and other formats of the same weights.</summary>
    public FakeRepo AsModel(int weightBytes = 100_000) => With("config.json", "{\"model_type\": \"qwen2\"}")
        .With("tokenizer.json", "{}").With("tokenizer_config.json", "{}").With("model.safetensors", RandomBytes(weightBytes))
        .With("pytorch_model.bin", "pickle").With("README.md", "# A model").With("onnx/model.safetensors", "other");
}
