using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Hugging Face's ids where implementations differ; tests/golden/scripts/make_tokenizer_edge_golden.py writes the files.</summary>
public sealed class TokenizerEdgeGoldenTests
{
    private static readonly string folder = Path.Combine(TestPaths.Golden, "tokenizer", "edge");

    public static TheoryData<string> Variants() =>
        [.. File.ReadLines(Path.Combine(folder, "variants.jsonl")).Select(line => JsonNode.Parse(line)!["name"]!.GetValue<string>())];

    [Fact]
    public void Random_Unicode_encodes_as_Hugging_Face_does()
    {
        int rows = 0;
        foreach (string line in File.ReadLines(Path.Combine(folder, "unicode.jsonl")))
        {
            JsonNode row = JsonNode.Parse(line)!;
            Tokenizer tokenizer = TestTokenizers.Load(row["tokenizer"]!.GetValue<string>());
            string text = row["text"]!.GetValue<string>();
            int[] ids = row["ids"].Deserialize<int[]>()!;
            GoldenRows.AssertIds(ids, tokenizer, text);
            rows++;
        }

        Assert.Equal(1200, rows);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Variants_of_the_file_encode_as_Hugging_Face_does(string name)
    {
        JsonNode variant = File.ReadLines(Path.Combine(folder, "variants.jsonl"))
            .Select(line => JsonNode.Parse(line)!).Single(node => node["name"]!.GetValue<string>() == name);
        Tokenizer tokenizer = TokenizerFolder.LoadChanged(json => Apply(variant, json));
        foreach (JsonNode? row in variant["rows"]!.AsArray())
        {
            string text = row!["text"]!.GetValue<string>();
            int[] ids = row["ids"].Deserialize<int[]>()!;
            GoldenRows.AssertIds(ids, tokenizer, text);
            Assert.Equal(row["with_special"].Deserialize<int[]>()!, tokenizer.Encode(text, addSpecialTokens: true));
        }
    }

    [Fact]
    public void Nfc_is_that_of_Hugging_Face()
    {
        int rows = 0;
        foreach (string line in File.ReadLines(Path.Combine(folder, "nfc.jsonl")))
        {
            JsonNode row = JsonNode.Parse(line)!;
            string text = row["text"]!.GetValue<string>(), nfc = row["nfc"]!.GetValue<string>();
            Assert.Equal(Escape(nfc), Escape(UnicodeForm.Nfc.Normalize(text)));
            Assert.Equal(Escape(nfc), Escape(UnicodeForm.Nfc.Normalize(nfc)));
            rows++;
        }

        Assert.Equal(1500, rows);
    }

    private static void Apply(JsonNode variant, JsonObject json)
    {
        foreach ((string key, JsonNode? value) in variant["patch"]!.AsObject())
        {
            switch (key)
            {
                case "model.ignore_merges":
                    json["model"]!["ignore_merges"] = value!.DeepClone();
                    break;
                case "merges":
                    json["model"]!["merges"] = new JsonArray(
                        [.. json["model"]!["merges"]!.AsArray().Select(pair => JsonValue.Create($"{pair![0]} {pair[1]}"))]);
                    break;
                default:
                    json[key] = value?.DeepClone();
                    break;
            }
        }

        int id = 4096;
        foreach (JsonNode? token in variant["tokens"]!.AsArray())
        {
            JsonNode added = token!.DeepClone();
            added["id"] = id++;
            json["added_tokens"]!.AsArray().Add(added);
        }
    }

    private static string Escape(string text) => string.Join(' ', text.EnumerateRunes().Select(rune => $"{rune.Value:X}"));
}
