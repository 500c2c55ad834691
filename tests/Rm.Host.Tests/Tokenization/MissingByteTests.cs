using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Bytes that a byte-level vocabulary lacks. Values by Hugging Face tokenizers 0.23.</summary>
public sealed class MissingByteTests
{
    [Fact]
    public void A_missing_byte_is_left_out_and_its_neighbours_merge() =>
        Assert.Equal([99, 300, 100], Load(Merge).Encode("caxbd", addSpecialTokens: false));

    [Fact]
    public void A_text_of_missing_bytes_has_no_token() =>
        Assert.Empty(Load(_ => { }).Encode("\u0001\u0001", addSpecialTokens: false));

    [Fact]
    public void A_missing_byte_is_the_unknown_token_where_there_is_one() =>
        Assert.Equal([97, 0, 0, 98], Load(Unknown).Encode("a\u0001\u0001b", addSpecialTokens: false));

    [Fact]
    public void Unknown_tokens_in_a_row_are_one_with_fuse_unk() => Assert.Equal(
        [97, 0, 98],
        Load(json =>
        {
            Unknown(json);
            json["fuse_unk"] = true;
        }).Encode("a\u0001\u0001b", addSpecialTokens: false));

    [Fact]
    public void Byte_fallback_spells_the_missing_symbol()
    {
        // The symbol of byte 0x01 is U+0101, in UTF-8 C4 81.
        Tokenizer tokenizer = Load(json =>
        {
            json["byte_fallback"] = true;
            json["vocab"]!["<0xC4>"] = 310;
            json["vocab"]!["<0x81>"] = 311;
        });
        Assert.Equal([97, 310, 311, 98], tokenizer.Encode("a\u0001b", addSpecialTokens: false));
    }

    [Fact]
    public void Byte_fallback_has_no_effect_on_a_complete_vocabulary()
    {
        JsonObject json = TokenizerFolder.Bytes();
        json["model"]!["byte_fallback"] = true;
        using var folder = new TokenizerFolder();
        Assert.Equal([97, 1, 98], folder.Write("tokenizer.json", json.ToJsonString()).Load().Encode("a\u0001b", addSpecialTokens: false));
    }

    [Fact]
    public void Byte_fallback_for_some_missing_bytes_beside_an_unknown_token_is_refused()
    {
        UserInputException error = Assert.Throws<UserInputException>(() => Load(json =>
        {
            Unknown(json);
            json["byte_fallback"] = true;
            json["vocab"]!.AsObject().Remove(ByteAlphabet.Spell([2]));
            json["vocab"]!["<0xC4>"] = 310;
            json["vocab"]!["<0x81>"] = 311;
        }));
        Assert.Contains("model.byte_fallback", error.Message, StringComparison.Ordinal);
    }

    private static void Unknown(JsonObject model) => model["unk_token"] = ByteAlphabet.Spell([0]);

    private static void Merge(JsonObject model)
    {
        model["vocab"]!.AsObject().Remove("x");
        model["vocab"]!["ab"] = 300;
        model["merges"]!.AsArray().Add(new JsonArray("a", "b"));
    }

    /// <summary>The tokenizer of one token a byte, without byte 0x01.</summary>
    private static Tokenizer Load(Action<JsonObject> change)
    {
        JsonObject json = TokenizerFolder.Bytes();
        JsonObject model = json["model"]!.AsObject();
        model["vocab"]!.AsObject().Remove(ByteAlphabet.Spell([1]));
        change(model);
        using var folder = new TokenizerFolder();
        return folder.Write("tokenizer.json", json.ToJsonString()).Load();
    }
}
