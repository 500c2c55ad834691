using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>
/// Tokens that the files beside tokenizer.json name, and the ids of added tokens. Values by transformers 5.12 (5.24 where it says so).
/// </summary>
public sealed class SpecialTokenTests
{
    [Theory]
    [InlineData("[{'id': 300, 'content': '<a>'}, {'id': 400, 'content': '<b>'}]", "<a><b>", new[] { 256, 257 })]
    [InlineData("[{'id': 257, 'content': '<a>'}, {'id': 256, 'content': '<b>'}]", "<a><b>", new[] { 256, 257 })]
    [InlineData("[{'id': 7, 'content': '<a>'}]", "<a>", new[] { 256 })]
    [InlineData("[{'id': 5000, 'content': 'a'}, {'id': 5001, 'content': '<b>'}]", "a<b>", new[] { 97, 256 })]
    public void Added_tokens_count_on_from_the_vocabulary_whatever_ids_the_file_gives_them(string added, string text, int[] ids)
    {
        JsonObject json = TokenizerFolder.Bytes();
        json["added_tokens"] = JsonNode.Parse(added.Replace('\'', '"'));
        using var folder = new TokenizerFolder();
        Assert.Equal(ids, folder.Write("tokenizer.json", json.ToJsonString()).Load().Encode(text, addSpecialTokens: false));
    }

    [Fact]
    public void An_added_token_in_a_vocabulary_that_leaves_ids_out_is_refused()
    {
        JsonObject json = TokenizerFolder.Bytes();
        json["model"]!["vocab"]!.AsObject().Remove("a"); // 255 tokens, of which the last has id 255
        json["added_tokens"] = JsonNode.Parse("""[{"id": 256, "content": "<a>"}]""");
        using var folder = new TokenizerFolder();
        UserInputException error = Assert.Throws<UserInputException>(folder.Write("tokenizer.json", json.ToJsonString()).Load);
        Assert.Contains("'<a>' would get id 255", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"bos_token": "<b>", "cls_token": "ab"}""", "<b>cab", new[] { 257, 99, 256 })] // in the vocabulary, and new
    [InlineData("""{"extra_special_tokens": {"think_token": "ab"}}""", "cab", new[] { 99, 256 })]
    [InlineData("""{"model_specific_special_tokens": {"think_token": "ab"}}""", "cab", new[] { 99, 256 })]
    [InlineData("""{"think_token": "ab", "add_bos_token": true}""", "cab", new[] { 99, 256 })]
    [InlineData("""{"additional_special_tokens": ["ab"]}""", "cab", new[] { 99, 256 })]
    [InlineData("""{"additional_special_tokens": ["ab"], "extra_special_tokens": []}""", "cab", new[] { 99, 256 })] // 5.24
    [InlineData("""{"additional_special_tokens": ["zz"], "extra_special_tokens": ["ab"]}""", "zzab", new[] { 122, 122, 256 })]
    [InlineData("""{"extra_special_tokens": [{"__type": "AddedToken", "content": "ab", "lstrip": true}]}""", "c ab", new[] { 99, 256 })]
    [InlineData("""{"added_tokens_decoder": {"256": {"content": "ab", "rstrip": true}}}""", "ab c", new[] { 256, 99 })]
    public void Special_tokens_of_the_configuration_are_matched_in_the_text(string config, string text, int[] ids) =>
        Assert.Equal(ids, Load(config).Encode(text, addSpecialTokens: false));

    [Theory]
    [InlineData("""{"bos_token": "<b>", "eos_token": "<e>"}""", """{"bos_token": null, "pad_token": null}""", null, "<e>")]
    [InlineData("""{"bos_token": "<b>", "eos_token": "<e>", "added_tokens_decoder": {}}""", """{"bos_token": null}""", "<b>", "<e>")]
    [InlineData("""{"bos_token": "<b>"}""", """{}""", "<b>", null)]
    public void Null_in_the_map_takes_a_token_away(string config, string map, string? bos, string? eos)
    {
        using var folder = new TokenizerFolder();
        Tokenizer tokenizer = folder.Write("tokenizer.json", TokenizerFolder.Bytes().ToJsonString()).Write("tokenizer_config.json", config)
            .Write("special_tokens_map.json", map).Load();
        Assert.Equal((bos, eos), (tokenizer.BosToken, tokenizer.EosToken));
    }

    [Fact]
    public void A_list_of_special_tokens_in_the_configuration_stands_against_that_of_the_map()
    {
        using var folder = new TokenizerFolder();
        Tokenizer tokenizer = folder.Write("tokenizer.json", TokenizerFolder.Bytes().ToJsonString())
            .Write("tokenizer_config.json", """{"additional_special_tokens": ["ab"]}""")
            .Write("special_tokens_map.json", """{"additional_special_tokens": ["cd"]}""").Load();
        Assert.Equal([256, 99, 100], tokenizer.Encode("abcd", addSpecialTokens: false));
    }

    [Theory]
    [InlineData("{}", "!")]
    [InlineData("""{"pad_token": null}""", null)]
    [InlineData("""{"pad_token": "?"}""", "?")]
    public void The_padding_token_of_tokenizer_json_counts_where_nothing_else_is_said(string config, string? pad)
    {
        JsonObject json = TokenizerFolder.Bytes();
        json["padding"] = JsonNode.Parse(
            """{"strategy": {"Fixed": 8}, "direction": "Right", "pad_id": 33, "pad_type_id": 0, "pad_token": "!"}""");
        using var folder = new TokenizerFolder();
        Assert.Equal(pad, folder.Write("tokenizer.json", json.ToJsonString()).Write("tokenizer_config.json", config).Load().PadToken);
    }

    [Fact]
    public void Flags_of_the_configuration_win_over_those_of_tokenizer_json()
    {
        const string added = """[{"id": 256, "content": "ab", "lstrip": false}]""";
        Assert.Equal([99, 32, 256], Load("{}", added).Encode("c ab", addSpecialTokens: false));
        Tokenizer changed = Load("""{"added_tokens_decoder": {"256": {"content": "ab", "lstrip": true, "special": true}}}""", added);
        Assert.Equal([99, 256], changed.Encode("c ab", addSpecialTokens: false));
        Assert.True(changed.IsSpecial(256));
    }

    [Theory]
    [InlineData("{}", "[MAP]")] // read, and it wins
    [InlineData("""{"added_tokens_decoder": {"256": {"content": "ab"}}}""", "ab")] // not read beside a decoder
    public void The_special_tokens_map_is_read_only_without_a_decoder(string more, string bos)
    {
        JsonObject config = JsonNode.Parse(more)!.AsObject();
        config["bos_token"] = "ab";
        using TokenizerFolder folder = Folder(config.ToJsonString());
        folder.Write("special_tokens_map.json", """{"bos_token": {"content": "[MAP]", "lstrip": false}, "voice_token": "ab"}""");
        Tokenizer tokenizer = folder.Load();
        Assert.Equal(bos, tokenizer.BosToken);
        Assert.Equal(bos == "[MAP]", tokenizer.SpecialTokens.ContainsKey("voice_token"));
    }

    [Fact]
    public void Added_tokens_json_is_read_and_its_ids_are_checked()
    {
        using TokenizerFolder folder = Folder("""{"eos_token": "<new>"}""");
        folder.Write("added_tokens.json", """{"<other>": 258, "<new>": 257}""");
        Tokenizer tokenizer = folder.Load();
        Assert.Equal([257, 258, 99], tokenizer.Encode("<new><other>c", addSpecialTokens: false));
        Assert.True(tokenizer.IsSpecial(257));
        Assert.False(tokenizer.IsSpecial(258));
        folder.Write("added_tokens.json", """{"<new>": 400}""");
        Assert.Contains(
            "'<new>' has id 400 here and 257", Assert.Throws<UserInputException>(folder.Load).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"bos_token": "ab", "split_special_tokens": true}""", new[] { 97, 98 })]
    [InlineData("""{"bos_token": "ab", "split_special_tokens": false}""", new[] { 256 })]
    [InlineData("""{"added_tokens_decoder": {"256": {"content": "ab", "special": false}}, "split_special_tokens": true}""", new[] { 256 })]
    public void Special_tokens_are_text_with_split_special_tokens(string config, int[] ids) =>
        Assert.Equal(ids, Load(config).Encode("ab", addSpecialTokens: false));

    [Fact]
    public void Templates_see_every_named_token()
    {
        Tokenizer tokenizer = Load("""
            {"bos_token": "<b>", "sep_token": "<s>", "mask_token": null, "extra_special_tokens": {"think_token": "<t>"}, "voice_token": "<v>",
             "model_specific_special_tokens": {"image_token": "<i>"}, "add_bos_token": false}
            """);
        Assert.Equal(
            ["bos_token=<b>", "image_token=<i>", "sep_token=<s>", "think_token=<t>", "voice_token=<v>"],
            tokenizer.SpecialTokens.Select(entry => $"{entry.Key}={entry.Value}").Order(StringComparer.Ordinal));
    }

    private static Tokenizer Load(string config, string? added = null)
    {
        using TokenizerFolder folder = Folder(config, added);
        return folder.Load();
    }

    /// <summary>One token a byte, and "ab" as token 256 that no merge makes.</summary>
    private static TokenizerFolder Folder(string config, string? added = null)
    {
        JsonObject json = TokenizerFolder.Bytes();
        json["model"]!["vocab"]!["ab"] = 256;
        json["added_tokens"] = JsonNode.Parse(added ?? "[]");
        return new TokenizerFolder().Write("tokenizer.json", json.ToJsonString()).Write("tokenizer_config.json", config);
    }
}
