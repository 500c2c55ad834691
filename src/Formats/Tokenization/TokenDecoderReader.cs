using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>Reads the <c>decoder</c> section of tokenizer.json. Ids never depend on it.</summary>
internal static class TokenDecoderReader
{
    /// <summary>The decoder of a vocabulary.</summary>
    /// <exception cref="InvalidDataException">A kind that is not supported, or a malformed one; the message names the place.</exception>
    public static TokenDecoder Read(JsonElement? section, Vocabulary vocabulary)
    {
        var sections = new List<(JsonElement Section, string Path)>();
        if (section is { } decoder)
        {
            Flatten(decoder, "decoder", sections);
        }

        // Hugging Face puts spaces between the tokens where there is no decoder.
        var result = new TokenDecoder([], false, sections.Count == 0 ? " " : "", null, 0);
        foreach ((JsonElement item, string path) in sections)
        {
            string type = item.RequiredString(path, "type");
            result = type switch
            {
                // Text goes through the bytes of its tokens in any case, which is what these two are for.
                "ByteLevel" when vocabulary.IsByteLevel => result,
                "Fuse" => result,
                "ByteFallback" => result with { BytesFallBack = true },
                "Replace" => result with { Replacements = [.. result.Replacements, ReadReplacement(item, path)] },
                "Metaspace" => ReadMetaspace(item, path, result),
                "Strip" => ReadStrip(item, path, result),
                _ => throw PipelineFields.Unsupported(
                    path, type, vocabulary.IsByteLevel ? "ByteLevel, Sequence" : "Replace, ByteFallback, Fuse, Strip, Metaspace, Sequence"),
            };
        }

        return vocabulary.IsByteLevel ? TokenDecoder.Bytes : result;
    }

    private static void Flatten(JsonElement section, string path, List<(JsonElement Section, string Path)> sections)
    {
        if (section.RequiredString(path, "type") != "Sequence")
        {
            sections.Add((section, path));
            return;
        }

        foreach ((JsonElement item, string itemPath) in section.RequiredArray(path, "decoders"))
        {
            Flatten(item, itemPath, sections);
        }
    }

    private static (string From, string To) ReadReplacement(JsonElement section, string path)
    {
        string from = section.Required(path, "pattern").RequiredString($"{path}.pattern", "String");
        return from.Length > 0
            ? (from, section.RequiredString(path, "content"))
            : throw new InvalidDataException($"{path}.pattern.String is empty");
    }

    private static TokenDecoder ReadMetaspace(JsonElement section, string path, TokenDecoder decoder)
    {
        string mark = section.RequiredString(path, "replacement");
        if (mark.Length == 0)
        {
            throw new InvalidDataException($"{path}.replacement is empty");
        }

        bool prepends = section.OptionalString(path, "prepend_scheme") != "never"
            && section.Flag(path, "add_prefix_space", otherwise: true);
        return decoder with
        {
            Replacements = [.. decoder.Replacements, (mark, " ")],
            Leading = ' ',
            LeadingCount = prepends ? int.MaxValue : 0,
        };
    }

    private static TokenDecoder ReadStrip(JsonElement section, string path, TokenDecoder decoder)
    {
        string content = section.RequiredString(path, "content");
        int start = section.Required(path, "start").TokenId($"{path}.start"), stop = section.Required(path, "stop").TokenId($"{path}.stop");
        return content.Length == 1 && stop == 0
            ? decoder with { Leading = content[0], LeadingCount = start }
            : throw new InvalidDataException($"{path}: only a Strip of one character at the start is supported");
    }
}
