using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>Reads the sections of tokenizer.json around the model: normalizer, pre_tokenizer, post_processor, decoder.</summary>
internal static class PipelineReader
{
    /// <summary>True for NFC, false for no normalizer.</summary>
    public static bool ReadNormalizer(JsonElement? section, string path)
    {
        if (section is not { } normalizer)
        {
            return false;
        }
        string type = normalizer.RequiredString(path, "type");
        if (type != "Sequence")
        {
            return type == "NFC" ? true : throw Unsupported(path, type, "NFC, Sequence");
        }
        bool nfc = false;
        foreach ((JsonElement item, string itemPath) in normalizer.RequiredArray(path, "normalizers"))
        {
            nfc |= ReadNormalizer(item, itemPath);
        }
        return nfc;
    }

    /// <summary>The steps of the pre-tokenizer, which must end in ByteLevel.</summary>
    public static PreTokenizer ReadPreTokenizer(JsonElement? section)
    {
        const string path = "pre_tokenizer";
        if (section is not { } preTokenizer)
        {
            throw new InvalidDataException("pre_tokenizer is missing; only byte-level BPE (a ByteLevel pre-tokenizer) is supported");
        }
        var steps = new List<PreTokenizerStep>();
        AddSteps(preTokenizer, path, steps);
        int found = steps.FindIndex(step => step is ByteLevelStep);
        if (found < 0 || found != steps.Count - 1)
        {
            throw new InvalidDataException(found < 0
                ? "pre_tokenizer has no ByteLevel step; only byte-level BPE is supported"
                : "pre_tokenizer has a step after ByteLevel, which is not supported");
        }
        return new PreTokenizer(steps);
    }

    /// <summary>The ids around a text.</summary>
    public static PostProcessor ReadPostProcessor(JsonElement? section, string path)
    {
        if (section is not { } processor)
        {
            return PostProcessor.None;
        }
        string type = processor.RequiredString(path, "type");
        switch (type)
        {
            case "ByteLevel": // moves offsets only
                return PostProcessor.None;
            case "TemplateProcessing":
                return ReadTemplate(processor, path);
            case "Sequence":
                PostProcessor all = PostProcessor.None;
                foreach ((JsonElement item, string itemPath) in processor.RequiredArray(path, "processors"))
                {
                    all = ReadPostProcessor(item, itemPath).Around(all);
                }
                return all;
            default:
                throw Unsupported(path, type, "ByteLevel, TemplateProcessing, Sequence");
        }
    }

    /// <summary>Accepts ByteLevel, alone or in a sequence, or none: decoding is the inverse of the byte-level model in any case.</summary>
    public static void CheckDecoder(JsonElement? section, string path)
    {
        if (section is not { } decoder)
        {
            return;
        }
        string type = decoder.RequiredString(path, "type");
        if (type == "Sequence")
        {
            foreach ((JsonElement item, string itemPath) in decoder.RequiredArray(path, "decoders"))
            {
                CheckDecoder(item, itemPath);
            }
        }
        else if (type != "ByteLevel")
        {
            throw Unsupported(path, type, "ByteLevel");
        }
    }

    private static void AddSteps(JsonElement section, string path, List<PreTokenizerStep> steps)
    {
        string type = section.RequiredString(path, "type");
        switch (type)
        {
            case "Sequence":
                foreach ((JsonElement item, string itemPath) in section.RequiredArray(path, "pretokenizers"))
                {
                    AddSteps(item, itemPath, steps);
                }
                break;
            case "ByteLevel":
                steps.Add(new ByteLevelStep(
                    section.Flag(path, "add_prefix_space", otherwise: true),
                    section.Flag(path, "use_regex", otherwise: true)));
                break;
            case "Split":
                steps.Add(ReadSplit(section, path));
                break;
            case "Digits":
                string digits = section.Flag(path, "individual_digits", otherwise: false) ? @"\p{N}" : @"\p{N}+";
                steps.Add(new SplitStep(WordScanner.For(digits), SplitBehavior.Isolated, invert: false));
                break;
            default:
                throw Unsupported(path, type, "ByteLevel, Split, Digits, Sequence");
        }
        if (steps.Count > 32)
        {
            throw new InvalidDataException("pre_tokenizer has more than 32 steps");
        }
    }

    private static SplitStep ReadSplit(JsonElement section, string path)
    {
        JsonElement pattern = section.Required(path, "pattern");
        string patternPath = $"{path}.pattern";
        WordScanner scanner;
        if (pattern.OptionalString(patternPath, "Regex") is { } regex)
        {
            scanner = WordScanner.For(regex);
        }
        else
        {
            string literal = pattern.RequiredString(patternPath, "String");
            scanner = literal.Length > 0
                ? SplitRegex.Literal(literal)
                : throw new InvalidDataException($"{patternPath}.String is empty");
        }
        string behavior = section.RequiredString(path, "behavior");
        if (!Enum.TryParse(behavior, ignoreCase: false, out SplitBehavior parsed) || !Enum.IsDefined(parsed) || !char.IsLetter(behavior[0]))
        {
            throw Unsupported($"{path}.behavior", behavior, string.Join(", ", Enum.GetNames<SplitBehavior>()));
        }
        return new SplitStep(scanner, parsed, section.Flag(path, "invert", otherwise: false));
    }

    private static PostProcessor ReadTemplate(JsonElement processor, string path)
    {
        JsonElement tokens = processor.Required(path, "special_tokens");
        (int[] Before, int[] After) pairEnds = ReadSecondEnds(processor, path);
        List<int> prefix = [], suffix = [];
        bool afterText = false;
        foreach ((JsonElement piece, string piecePath) in processor.RequiredArray(path, "single"))
        {
            if (piece.Optional(piecePath, "Sequence") is { } sequence)
            {
                if (afterText || sequence.RequiredString($"{piecePath}.Sequence", "id") != "A")
                {
                    throw new InvalidDataException($"{piecePath}: the template of a single text must have sequence A once and no other");
                }
                afterText = true;
                continue;
            }
            string name = piece.Required(piecePath, "SpecialToken").RequiredString($"{piecePath}.SpecialToken", "id");
            string tokenPath = $"{path}.special_tokens['{name}']";
            JsonElement token = tokens.Optional($"{path}.special_tokens", name)
                ?? throw new InvalidDataException($"{tokenPath} is missing");
            foreach ((JsonElement id, string idPath) in token.RequiredArray(tokenPath, "ids"))
            {
                (afterText ? suffix : prefix).Add(id.TokenId(idPath));
            }
        }
        return afterText
            ? new PostProcessor([.. prefix], [.. suffix]) { SecondPrefix = pairEnds.Before, SecondSuffix = pairEnds.After }
            : throw new InvalidDataException($"{path}.single has no sequence A");
    }

    // Of the template of a pair only what stands around its second text: the first one's ends are those of a single text (in a template where they
    // are not, the difference counts as the second's). A file without such a template joins texts without anything between.
    private static (int[] Before, int[] After) ReadSecondEnds(JsonElement processor, string path)
    {
        if (processor.Optional(path, "pair") is not { ValueKind: JsonValueKind.Array } pair)
        {
            return ([], []);
        }

        JsonElement tokens = processor.Required(path, "special_tokens");
        List<int> before = [], after = [];
        int seen = 0;
        foreach (JsonElement piece in pair.EnumerateArray())
        {
            if (piece.ValueKind == JsonValueKind.Object && piece.TryGetProperty("Sequence", out _))
            {
                seen++;
            }
            else if (seen > 0)
            {
                string name = piece.Required($"{path}.pair", "SpecialToken").RequiredString($"{path}.pair.SpecialToken", "id");
                string tokenPath = $"{path}.special_tokens['{name}']";
                JsonElement token = tokens.Optional($"{path}.special_tokens", name) ?? throw new InvalidDataException($"{tokenPath} is missing");
                foreach ((JsonElement id, string idPath) in token.RequiredArray(tokenPath, "ids"))
                {
                    (seen == 1 ? before : after).Add(id.TokenId(idPath));
                }
            }
        }

        return ([.. before], [.. after]);
    }

    private static InvalidDataException Unsupported(string path, string type, string supported) =>
        new($"{path} is {type}, which is not supported (supported: {supported}); btrm reads byte-level BPE tokenizers");
}
