using System.IO.Compression;
using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// What a Hugging Face <c>tokenizer.json</c> says, read and checked: BPE and Unigram models, everything else is refused by name.
/// </summary>
/// <param name="Vocabulary">Tokens of the model, and the texts of the added ones.</param>
/// <param name="Added">Tokens that are matched in the text; other files of the folder add to them.</param>
/// <param name="Normalizer">Changes text before anything else.</param>
/// <param name="PreTokenizer">Cuts text into words.</param>
/// <param name="Model">Encodes a word.</param>
/// <param name="PostProcessor">What surrounds a text.</param>
/// <param name="Decoder">Makes text of tokens.</param>
internal sealed record TokenizerFile(
    Vocabulary Vocabulary,
    AddedVocabulary Added,
    Normalizer Normalizer,
    PreTokenizer PreTokenizer,
    WordModel Model,
    PostProcessor PostProcessor,
    TokenDecoder Decoder)
{
    /// <summary>The token of the section <c>padding</c>; null without one.</summary>
    public string? PaddingToken { get; init; }

    /// <summary>Far above any tokenizer; bounds what a hostile or misnamed file makes us read.</summary>
    private const int MaxBytes = 512 << 20;

    /// <summary>Reads tokenizer.json, or tokenizer.json.gz, of a folder.</summary>
    /// <exception cref="UserInputException">No such file, or it is malformed or of a kind that is not supported.</exception>
    public static TokenizerFile Load(string folder, string name = "tokenizer.json")
    {
        string path = Path.Combine(folder, name);
        if (!File.Exists(path) && File.Exists(path + ".gz"))
        {
            path += ".gz";
        }

        if (!File.Exists(path))
        {
            throw new UserInputException($"{folder}: there is no {name}. btrm needs the fast tokenizer's file; "
                + "transformers writes it with AutoTokenizer.from_pretrained(...).save_pretrained(...).");
        }

        return Guarded(path, () => Parse(ReadBytes(path)));
    }

    /// <summary>Runs <paramref name="read"/> and turns what a malformed file makes it throw into one message that names the file.</summary>
    public static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (JsonException e)
        {
            throw new UserInputException($"{path}: not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e) // a string that is not Unicode
        {
            throw new UserInputException($"{path}: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UserInputException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>The bytes of a file, gunzipped if its name says so, without a byte-order mark.</summary>
    public static ReadOnlyMemory<byte> ReadBytes(string path)
    {
        using FileStream file = File.OpenRead(path);
        if (file.Length > MaxBytes)
        {
            throw new InvalidDataException($"the file has {file.Length >> 20} MiB, more than any tokenizer file");
        }

        using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        byte[] bytes = new byte[Math.Max(4096, file.Length + 1)];
        int length = 0;
        for (int read; (read = content.Read(bytes, length, bytes.Length - length)) > 0;)
        {
            length += read;
            if (length > MaxBytes)
            {
                throw new InvalidDataException($"the file unpacks to more than {MaxBytes >> 20} MiB");
            }

            if (length == bytes.Length)
            {
                Array.Resize(ref bytes, length * 2);
            }
        }

        ReadOnlySpan<byte> byteOrderMark = [0xEF, 0xBB, 0xBF];
        int skip = bytes.AsSpan(0, length).StartsWith(byteOrderMark) ? byteOrderMark.Length : 0;
        return bytes.AsMemory(skip, length - skip);
    }

    /// <summary>Reads the text of a tokenizer.json.</summary>
    /// <exception cref="JsonException">Not JSON.</exception>
    /// <exception cref="InvalidDataException">Malformed, or of a kind that is not supported.</exception>
    /// <exception cref="InvalidOperationException">A string is not valid Unicode.</exception>
    public static TokenizerFile Parse(ReadOnlyMemory<byte> json)
    {
        var root = new JsonSections(json, "$");
        JsonSections model = root.Sections("model");
        // The kind first: its message says more than any later one.
        string type = ModelType(model);
        Normalizer normalizer = NormalizerReader.Read(root.Element("normalizer"));
        PreTokenizer preTokenizer = PreTokenizerReader.Read(root.Element("pre_tokenizer"));
        PostProcessor postProcessor = PostProcessorReader.Read(root.Element("post_processor"));
        if (type == "Unigram" && preTokenizer.IsByteLevel)
        {
            throw new InvalidDataException("model.type is Unigram behind a ByteLevel pre-tokenizer, which is not supported");
        }

        (Vocabulary vocabulary, WordModel encoder) =
            type == "Unigram" ? UnigramModelReader.Read(model) : BpeModelReader.Read(model, preTokenizer.IsByteLevel);
        var added = new AddedVocabulary(vocabulary);
        AddedTokenReader.Read(root.Element("added_tokens"), added);
        foreach (int id in postProcessor.Prefix.Concat(postProcessor.Suffix))
        {
            if (!vocabulary.Contains(id))
            {
                throw new InvalidDataException($"post_processor adds token id {id}, which is not in the vocabulary; "
                    + "added tokens count on from model.vocab, whatever ids added_tokens gives them");
            }
        }

        TokenDecoder decoder = TokenDecoderReader.Read(root.Element("decoder"), vocabulary);
        return new TokenizerFile(vocabulary, added, normalizer, preTokenizer, encoder, postProcessor, decoder)
        {
            PaddingToken = root.Element("padding") is { ValueKind: JsonValueKind.Object } padding
                && padding.TryGetProperty("pad_token", out JsonElement token) && token.ValueKind == JsonValueKind.String
                    ? token.GetString() : null,
        };
    }

    /// <summary>BPE or Unigram. Files from before tokenizers 0.10 have no type: a vocabulary of pairs with scores is Unigram's.</summary>
    private static string ModelType(JsonSections model)
    {
        string type = BpeModelReader.Text(model, "type") ?? (model.Required("vocab").Span.StartsWith("["u8) ? "Unigram" : "BPE");
        return type is "BPE" or "Unigram" ? type : throw PipelineFields.Unsupported("model.type", type, "BPE, Unigram");
    }
}
