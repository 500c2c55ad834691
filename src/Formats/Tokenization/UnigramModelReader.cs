using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Reads the <c>model</c> section of a Unigram tokenizer: tokens with their scores, an id being a token's place in the list.
/// </summary>
internal static class UnigramModelReader
{
    /// <summary>The vocabulary and the encoder over it.</summary>
    /// <exception cref="InvalidDataException">The section is malformed; the message names the field.</exception>
    public static (Vocabulary Vocabulary, WordModel Encoder) Read(JsonSections model)
    {
        var vocabulary = new Vocabulary(isByteLevel: false);
        var scores = new List<double>();
        var reader = new Utf8JsonReader(model.Required("vocab").Span);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new InvalidDataException("model.vocab is not an array, as a Unigram model's has to be");
        }

        byte[] token = new byte[256];
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            ReadToken(ref reader, ref token, vocabulary, scores);
        }

        if (reader.TokenType != JsonTokenType.EndArray || scores.Count == 0)
        {
            throw new InvalidDataException(
                scores.Count == 0 ? "model.vocab is empty" : $"model.vocab[{scores.Count}] is not a pair of a token and its score");
        }

        int unknown = model.Element("unk_id") is { } id ? id.TokenId("model.unk_id") : -1;
        return unknown < scores.Count
            ? (vocabulary, new UnigramEncoder(vocabulary, [.. scores], unknown, BpeModelReader.Flag(model, "byte_fallback")))
            : throw new InvalidDataException($"model.unk_id is {unknown}, but model.vocab has {scores.Count} tokens");
    }

    private static void ReadToken(ref Utf8JsonReader reader, ref byte[] buffer, Vocabulary vocabulary, List<double> scores)
    {
        string path = $"model.vocab[{scores.Count}]";
        if (!reader.Read() || reader.TokenType != JsonTokenType.String)
        {
            throw new InvalidDataException($"{path} is not a pair of a token and its score");
        }

        ReadOnlySpan<byte> token = BpeModelReader.Unescape(ref reader, ref buffer);
        if (!reader.Read() || reader.TokenType != JsonTokenType.Number || !ScoreReader.TryRead(reader.ValueSpan, out double score)
            || !reader.Read() || reader.TokenType != JsonTokenType.EndArray)
        {
            throw new InvalidDataException($"{path} is not a pair of a token and its score");
        }

        if (scores.Count >= Vocabulary.MaxIds || !vocabulary.TryAdd(token, scores.Count))
        {
            throw new InvalidDataException($"{path}: '{BpeModelReader.Shown(token)}' is there twice, or one token too many");
        }

        scores.Add(score);
    }
}
