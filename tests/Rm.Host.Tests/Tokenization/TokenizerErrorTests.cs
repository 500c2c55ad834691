using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Every kind of bad file is refused with a message that names the file and the field.</summary>
public sealed class TokenizerErrorTests
{
    // Single quotes stand for double ones in the second column.
    public static TheoryData<string, string, string> BadSections() => new()
    {
        { "model.type", "'WordPiece'", "model.type is WordPiece, which is not supported (supported: BPE, Unigram)" },
        { "model.type", "'WordLevel'", "model.type is WordLevel" },
        { "model.type", "'Unigram'", "model.type is Unigram behind a ByteLevel pre-tokenizer" },
        { "model.type", "7", "model.type is not a string" },
        { "model.byte_fallback", "'yes'", "model.byte_fallback is not true or false" },
        { "model.continuing_subword_prefix", "'##'", "model.continuing_subword_prefix" },
        { "model.end_of_word_suffix", "'</w>'", "model.end_of_word_suffix" },
        { "model.dropout", "0.1", "model.dropout" },
        { "model.unk_token", "'<unk>'", "model.unk_token '<unk>' is not in model.vocab" },
        { "model.ignore_merges", "'yes'", "model.ignore_merges is not true or false" },
        { "model.vocab", "[]", "model.vocab is not an object" },
        { "model.vocab", "{}", "model.vocab is empty" },
        { "model.vocab", "{'a': -1}", "model.vocab['a'] is not a token id" },
        { "model.vocab", "{'a': 1.5}", "model.vocab['a'] is not a token id" },
        { "model.vocab", "{'a': 99999999}", "model.vocab['a'] is not a token id" },
        { "model.vocab", "{'a': 1, 'b': 1}", "model.vocab['b']: this token or its id 1 is there twice" },
        { "model.vocab", "{'\\ud800': 1}", "tokenizer.json: " },
        { "model.vocab", "null", "model.vocab is missing" },
        { "model.merges", "null", "model.merges is missing" },
        { "model.merges", "{}", "model.merges is not an array" },
        { "model.merges", "['ab']", "model.merges[0] 'ab' is not two tokens" },
        { "model.merges", "['a b c']", "model.merges[0] 'a b c' is not two tokens" },
        { "model.merges", "[['a']]", "model.merges[0] is not a pair" },
        { "model.merges", "[['a', 'b', 'c']]", "model.merges[0] is not a pair" },
        { "model.merges", "[3]", "model.merges[0] is neither" },
        { "model.merges", "[['\\u0416', 'b']]", "model.merges[0] needs the token '\u0416'" },
        { "model.merges", "[['q', 'q']]", "model.merges[0] needs the token 'qq'" },
        { "model", "null", "$.model is missing" },
        { "normalizer", "{'type': 'BertNormalizer'}", "normalizer is BertNormalizer, which is not supported" },
        { "normalizer", "{'type': 'Sequence', 'normalizers': [{'type': 'ByteLevel'}]}", "normalizer.normalizers[0] is ByteLevel" },
        { "normalizer", "{'type': 'Prepend'}", "normalizer.prepend is missing" },
        { "normalizer", "{'type': 'Replace', 'pattern': {'String': ''}, 'content': 'x'}", "normalizer.pattern.String is empty" },
        { "normalizer", "{'type': 'Replace', 'pattern': {'Regex': 'a*'}, 'content': 'x'}", "matches the empty string" },
        { "normalizer", "{'type': 'Precompiled'}", "normalizer.precompiled_charsmap is missing" },
        { "normalizer", "{'type': 'Precompiled', 'precompiled_charsmap': '!'}", "normalizer.precompiled_charsmap is not base64" },
        { "normalizer", "{'type': 'Precompiled', 'precompiled_charsmap': '/////w=='}", "its trie does not fit" },
        { "normalizer", "{}", "normalizer.type is missing" },
        { "normalizer", "[]", "normalizer is an array where an object is expected" },
        { "pre_tokenizer", "{'type': 'UnicodeScripts'}", "pre_tokenizer is UnicodeScripts, which is not supported" },
        { "pre_tokenizer", "{'type': 'BertPreTokenizer'}", "pre_tokenizer is BertPreTokenizer" },
        { "pre_tokenizer", "{'type': 'Metaspace'}", "pre_tokenizer.replacement is missing" },
        { "pre_tokenizer", "{'type': 'Metaspace', 'replacement': 'ab'}", "pre_tokenizer.replacement is not one character" },
        { "pre_tokenizer", "{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'often'}", "prepend_scheme is often" },
        {
            "pre_tokenizer",
            "{'type': 'Metaspace', 'replacement': '_', 'prepend_scheme': 'first', 'add_prefix_space': false}",
            "pre_tokenizer.add_prefix_space is false, which contradicts prepend_scheme 'first'"
        },
        {
            "pre_tokenizer",
            "{'type': 'Sequence', 'pretokenizers': [{'type': 'ByteLevel'}, {'type': 'ByteLevel'}]}",
            "pre_tokenizer.pretokenizers[1] is ByteLevel behind a ByteLevel step"
        },
        { "pre_tokenizer", "{'type': 'Split', 'pattern': {}, 'behavior': 'Isolated'}", "pre_tokenizer.pattern.String is missing" },
        {
            "pre_tokenizer",
            "{'type': 'Split', 'pattern': {'String': ''}, 'behavior': 'Isolated'}",
            "pre_tokenizer.pattern.String is empty"
        },
        {
            "pre_tokenizer",
            "{'type': 'Split', 'pattern': {'String': 'x'}, 'behavior': 'Sometimes'}",
            "pre_tokenizer.behavior is Sometimes"
        },
        { "pre_tokenizer", "{'type': 'Split', 'pattern': {'String': 'x'}, 'behavior': '1'}", "pre_tokenizer.behavior is 1" },
        { "pre_tokenizer", "{'type': 'Split', 'pattern': {'Regex': '(?<a>a)b'}, 'behavior': 'Isolated'}", "the group '(?<a'" },
        { "post_processor", "{'type': 'OtherProcessing'}", "post_processor is OtherProcessing" },
        { "post_processor", "{'type': 'BertProcessing', 'cls': ['a'], 'sep': ['b', 1]}", "post_processor.cls is not a token and its id" },
        {
            "post_processor",
            "{'type': 'TemplateProcessing', 'single': [], 'special_tokens': {}}",
            "post_processor.single has no sequence A"
        },
        {
            "post_processor",
            "{'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': 'B'}}], 'special_tokens': {}}",
            "post_processor.special_tokens['B'] is missing"
        },
        {
            "post_processor",
            "{'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': 'B'}}, {'Sequence': {'id': 'A'}}], "
                + "'special_tokens': {'B': {'ids': [9999]}}}",
            "post_processor adds token id 9999"
        },
        {
            "post_processor",
            "{'type': 'TemplateProcessing', 'single': [{'Sequence': {'id': 'A'}}, {'Sequence': {'id': 'A'}}], 'special_tokens': {}}",
            "post_processor.single[1]"
        },
        { "decoder", "{'type': 'WordPiece'}", "decoder is WordPiece" },
        { "added_tokens", "{}", "added_tokens is not an array" },
        { "added_tokens", "[{'content': '<a>'}]", "added_tokens[0].id is missing" },
        { "added_tokens", "[{'id': 5000}]", "added_tokens[0].content is missing" },
        { "added_tokens", "[{'id': -1, 'content': '<a>'}]", "added_tokens[0].id is not a token id" },
        { "added_tokens", "[{'id': 5000, 'content': '<a>', 'lstrip': 1}]", "added_tokens[0].lstrip is not true or false" },
        { "added_tokens", "[{'id': 5000, 'content': '\\udc00'}]", "tokenizer.json: " },
    };

    // Public files have such lists (a fine-tuned Yi's); Hugging Face passes over the second.
    [Fact]
    public void An_added_token_that_is_there_twice_counts_once()
    {
        JsonObject json = TokenizerFolder.Bytes();
        json["added_tokens"] = JsonNode.Parse(
            """[{"id": 5000, "content": "<a>"}, {"id": 5001, "content": "<a>", "lstrip": true}, {"id": 5001, "content": "<b>"}]""");
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", json.ToJsonString());
        Tokenizer tokenizer = folder.Load();
        int first = tokenizer.TokenId("<a>")!.Value;
        Assert.Equal(first + 1, tokenizer.TokenId("<b>"));
        Assert.Equal([.. tokenizer.Encode("x ", false), first, first + 1], tokenizer.Encode("x <a><b>", false));
    }

    [Theory]
    [MemberData(nameof(BadSections))]
    public void A_bad_section_is_named(string field, string value, string message)
    {
        // Placed as text: a lone surrogate escape cannot pass through a JSON writer.
        const string mark = "the value under test";
        JsonObject json = TokenizerFolder.Bytes();
        string[] path = field.Split('.');
        JsonNode owner = path.Length == 2 ? json[path[0]]! : json;
        owner[path[^1]] = mark;
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", json.ToJsonString().Replace($"\"{mark}\"", value.Replace('\'', '"'), StringComparison.Ordinal));
        UserInputException error = Assert.Throws<UserInputException>(folder.Load);
        Assert.StartsWith(Path.Combine(folder.Path, "tokenizer.json") + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"model\": ")]
    [InlineData("{} {}")]
    [InlineData("not json")]
    public void A_file_that_is_not_a_JSON_object_is_named(string content)
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", content);
        Assert.StartsWith(folder.Path, Assert.Throws<UserInputException>(folder.Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        using var folder = new TokenizerFolder();
        Assert.Contains("no tokenizer.json", Assert.Throws<UserInputException>(folder.Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_gzip_file_is_named()
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json.gz", "this is no gzip");
        Assert.Contains("tokenizer.json.gz: ", Assert.Throws<UserInputException>(folder.Load).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]", "$ is an array")]
    [InlineData("{\"eos_token\": 3}", "$.eos_token is not a string")]
    [InlineData("{\"eos_token\": {}}", "eos_token.content is missing")]
    [InlineData("{\"chat_template\": 3}", "$.chat_template is not a string")]
    [InlineData("{\"chat_template\": [{\"name\": \"default\"}]}", "$.chat_template[0].template is missing")]
    [InlineData("{\"added_tokens_decoder\": []}", "added_tokens_decoder is not an object")]
    [InlineData("{\"added_tokens_decoder\": {\"x\": {}}}", "added_tokens_decoder['x']: the key is not a token id")]
    [InlineData("{\"added_tokens_decoder\": {\"3\": {\"content\": \"<a>\"}}}", "'<a>' has id 3 here and 256 by tokenizer.json")]
    [InlineData("{\"extra_special_tokens\": [3]}", "extra_special_tokens[0] is not a token")]
    [InlineData("{\"model_specific_special_tokens\": [3]}", "model_specific_special_tokens is not an object of tokens by name")]
    [InlineData("{\"split_special_tokens\": 3}", "split_special_tokens is not true or false")]
    [InlineData("{", "not valid JSON")]
    public void A_bad_tokenizer_config_is_named(string content, string message)
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", TokenizerFolder.Bytes().ToJsonString()).Write("tokenizer_config.json", content);
        UserInputException error = Assert.Throws<UserInputException>(folder.Load);
        Assert.StartsWith(Path.Combine(folder.Path, "tokenizer_config.json") + ": ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_beyond_the_limit_is_refused()
    {
        string text = new('a', (1 << 27) + 1);
        Assert.Contains(
            "134217729 characters",
            Assert.Throws<UserInputException>(() => TestTokenizers.Load("quickstart").Encode(text, addSpecialTokens: false)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Ids_outside_the_vocabulary_are_refused()
    {
        Tokenizer tokenizer = TestTokenizers.Load("quickstart");
        Assert.Contains("-1", Assert.Throws<UserInputException>(() => tokenizer.Decode([5, -1])).Message, StringComparison.Ordinal);
        Assert.Contains("4096", Assert.Throws<UserInputException>(() => tokenizer.TokenText(4096)).Message, StringComparison.Ordinal);
        Assert.Throws<UserInputException>(() => new StreamingDecoder(tokenizer).Push(int.MaxValue));
    }
}
