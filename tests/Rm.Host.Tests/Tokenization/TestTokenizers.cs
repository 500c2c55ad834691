using System.Collections.Concurrent;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>The golden tokenizers, loaded once.</summary>
internal static class TestTokenizers
{
    private static readonly ConcurrentDictionary<string, Lazy<Tokenizer>> loaded = new();

    public static string QuickstartFolder => Path.Combine(TestPaths.Repository, "examples", "quickstart", "model");

    /// <summary>qwen2.5, llama3, qwen3, smollm2 or quickstart.</summary>
    public static Tokenizer Load(string family) =>
        loaded.GetOrAdd(family, _ => new Lazy<Tokenizer>(() => Tokenizer.Load(Folder(family)))).Value;

    public static string Folder(string family) =>
        family == "quickstart" ? QuickstartFolder : Path.Combine(TestPaths.Golden, "tokenizers", family);
}
