using System.Text;
using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Reads the <c>model</c> section: a BPE vocabulary and its merge rules, in both spellings, straight from the file's bytes.
/// </summary>
internal static class BpeModelReader
{
    /// <summary>Refuses options that would change what a word encodes to.</summary>
    public static void CheckOptions(JsonSections model)
    {
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(Text(model, affix)))
            {
                throw new InvalidDataException($"model.{affix} is not supported; the BPE of language models has none");
            }
        }

        if (model.Element("dropout") is { } dropout
            && !(dropout.ValueKind == JsonValueKind.Number && dropout.TryGetDouble(out double rate) && rate == 0))
        {
            throw new InvalidDataException("model.dropout is set; a tokenizer for training rewards must be deterministic: remove it");
        }
    }

    /// <summary>The vocabulary and the encoder over it.</summary>
    /// <param name="model">The section.</param>
    /// <param name="isByteLevel">The pre-tokenizer hands the model bytes in <see cref="ByteAlphabet"/>; otherwise the text itself.</param>
    public static (Vocabulary Vocabulary, WordModel Encoder) Read(JsonSections model, bool isByteLevel)
    {
        CheckOptions(model);
        Vocabulary vocabulary = ReadVocabulary(model.Required("vocab").Span, isByteLevel);
        MergeBoundaries? boundaries = isByteLevel ? null : new MergeBoundaries();
        MergeTable merges = ReadMerges(model.Required("merges").Span, vocabulary, boundaries);
        int unknown = -1;
        if (Text(model, "unk_token") is { } token && !vocabulary.TryFindSpelling(Encoding.UTF8.GetBytes(token), out unknown))
        {
            throw new InvalidDataException($"model.unk_token '{token}' is not in model.vocab");
        }

        bool fuseUnknown = Flag(model, "fuse_unk"), byteFallback = Flag(model, "byte_fallback");
        bool wholeWordFirst = Flag(model, "ignore_merges");
        if (boundaries is null)
        {
            var bytes = new ByteSymbols(vocabulary, unknown, fuseUnknown, byteFallback);
            return (vocabulary, new BytePairEncoder(vocabulary, merges, wholeWordFirst, bytes));
        }

        var characters = new CharSymbols(vocabulary, unknown, fuseUnknown, byteFallback);
        boundaries.Symbols = characters;
        return (vocabulary, new BytePairEncoder(vocabulary, merges, wholeWordFirst, characters, boundaries));
    }

    private static Vocabulary ReadVocabulary(ReadOnlySpan<byte> json, bool isByteLevel)
    {
        var vocabulary = new Vocabulary(isByteLevel);
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new InvalidDataException("model.vocab is not an object");
        }

        byte[] key = new byte[256];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadOnlySpan<byte> spelling = Unescape(ref reader, ref key);
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int id) || id is < 0 or >= Vocabulary.MaxIds)
            {
                throw new InvalidDataException(
                    $"model.vocab['{Shown(spelling)}'] is not a token id (a whole number from 0 to {Vocabulary.MaxIds - 1})");
            }

            if (!vocabulary.TryAdd(spelling, id))
            {
                throw new InvalidDataException($"model.vocab['{Shown(spelling)}']: this token or its id {id} is there twice");
            }
        }

        return vocabulary.Size > 0 ? vocabulary : throw new InvalidDataException("model.vocab is empty");
    }

    private static MergeTable ReadMerges(ReadOnlySpan<byte> json, Vocabulary vocabulary, MergeBoundaries? boundaries)
    {
        var merges = new MergeTable(vocabulary.Count);
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new InvalidDataException("model.merges is not an array");
        }

        byte[] left = new byte[256], right = new byte[256], joined = new byte[512];
        for (int rank = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; rank++)
        {
            ReadOnlySpan<byte> first, second;
            if (reader.TokenType == JsonTokenType.String)
            {
                ReadOnlySpan<byte> pair = Unescape(ref reader, ref left);
                int space = pair.IndexOf((byte)' ');
                if (space < 0 || pair[(space + 1)..].Contains((byte)' '))
                {
                    throw new InvalidDataException($"model.merges[{rank}] '{Shown(pair)}' is not two tokens with a space between");
                }

                first = pair[..space];
                second = pair[(space + 1)..];
            }
            else if (reader.TokenType == JsonTokenType.StartArray)
            {
                first = NextOfPair(ref reader, ref left, rank);
                second = NextOfPair(ref reader, ref right, rank);
                if (!reader.Read() || reader.TokenType != JsonTokenType.EndArray)
                {
                    throw new InvalidDataException($"model.merges[{rank}] is not a pair of tokens");
                }
            }
            else
            {
                throw new InvalidDataException($"model.merges[{rank}] is neither a string nor a pair of tokens");
            }

            int length = first.Length + second.Length;
            if (length > joined.Length)
            {
                joined = new byte[length * 2];
            }

            first.CopyTo(joined);
            second.CopyTo(joined.AsSpan(first.Length));
            boundaries?.Add(first, second);
            merges.Set(
                Find(first, vocabulary, rank),
                Find(second, vocabulary, rank),
                rank,
                Find(joined.AsSpan(0, length), vocabulary, rank));
        }

        return merges;
    }

    private static ReadOnlySpan<byte> NextOfPair(scoped ref Utf8JsonReader reader, scoped ref byte[] buffer, int rank)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            throw new InvalidDataException($"model.merges[{rank}] is not a pair of tokens");
        }

        return Unescape(ref reader, ref buffer);
    }

    private static int Find(ReadOnlySpan<byte> token, Vocabulary vocabulary, int rank) => vocabulary.TryFindSpelling(token, out int id)
        ? id
        : throw new InvalidDataException($"model.merges[{rank}] needs the token '{Shown(token)}', which is not in model.vocab");

    internal static ReadOnlySpan<byte> Unescape(scoped ref Utf8JsonReader reader, scoped ref byte[] buffer)
    {
        if (reader.ValueSpan.Length > buffer.Length)
        {
            buffer = new byte[reader.ValueSpan.Length * 2];
        }

        return buffer.AsSpan(0, reader.CopyString(buffer));
    }

    internal static string? Text(JsonSections model, string name) => model.Element(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        _ => throw new InvalidDataException($"model.{name} is not a string"),
    };

    internal static bool Flag(JsonSections model, string name) => model.Element(name) switch
    {
        null or { ValueKind: JsonValueKind.False } => false,
        { ValueKind: JsonValueKind.True } => true,
        _ => throw new InvalidDataException($"model.{name} is not true or false"),
    };

    internal static string Shown(ReadOnlySpan<byte> token) => Encoding.UTF8.GetString(token[..Math.Min(token.Length, 80)]);
}
