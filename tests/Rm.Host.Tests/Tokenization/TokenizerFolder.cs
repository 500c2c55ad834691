using System.Text;
using System.Text.Json.Nodes;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>A temporary checkpoint folder whose tokenizer files a test writes.</summary>
internal sealed class TokenizerFolder : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public string Path => _scratch.Path;

    /// <summary>The quickstart model's tokenizer.json, to be changed.</summary>
    public static JsonObject Quickstart() =>
        JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(TestTokenizers.QuickstartFolder, "tokenizer.json")))!.AsObject();

    /// <summary>Loads the quickstart tokenizer after <paramref name="change"/>.</summary>
    public static Tokenizer LoadChanged(Action<JsonObject> change)
    {
        using var folder = new TokenizerFolder();
        JsonObject json = Quickstart();
        change(json);
        return folder.Write("tokenizer.json", json.ToJsonString()).Load();
    }

    /// <summary>A tokenizer without merges, for what does not depend on a vocabulary: one token a byte, the id being the byte.</summary>
    public static JsonObject Bytes()
    {
        var vocabulary = new JsonObject();
        for (int b = 0; b < 256; b++)
        {
            vocabulary.Add(ByteAlphabet.Spell([(byte)b]), b);
        }

        return new JsonObject
        {
            ["added_tokens"] = new JsonArray(),
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = true },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
    }

    public TokenizerFolder Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    public TokenizerFolder Write(string name, byte[] content)
    {
        File.WriteAllBytes(System.IO.Path.Combine(Path, name), content);
        return this;
    }

    public Tokenizer Load() => Tokenizer.Load(Path);

    public void Dispose() => _scratch.Dispose();
}
