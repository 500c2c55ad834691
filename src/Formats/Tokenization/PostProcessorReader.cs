using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>Reads the <c>post_processor</c> section of tokenizer.json.</summary>
internal static class PostProcessorReader
{
    /// <summary>The ids around a text.</summary>
    public static PostProcessor Read(JsonElement? section, string path = "post_processor")
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
            case "RobertaProcessing" or "BertProcessing":
                // A second text ends in a separator too; RoBERTa begins it with one as well.
                int separator = ReadToken(processor, path, "sep");
                return new PostProcessor([ReadToken(processor, path, "cls")], [separator])
                {
                    SecondPrefix = type == "RobertaProcessing" ? [separator] : [],
                    SecondSuffix = [separator],
                };
            case "Sequence":
                PostProcessor all = PostProcessor.None;
                foreach ((JsonElement item, string itemPath) in processor.RequiredArray(path, "processors"))
                {
                    all = Read(item, itemPath).Around(all);
                }

                return all;
            default:
                throw PipelineFields.Unsupported(path, type, "ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing, Sequence");
        }
    }

    /// <summary>The id of a pair of a token and its id.</summary>
    private static int ReadToken(JsonElement processor, string path, string field)
    {
        (JsonElement Item, string Path)[] pair = [.. processor.RequiredArray(path, field)];
        return pair.Length == 2
            ? pair[1].Item.TokenId(pair[1].Path)
            : throw new InvalidDataException($"{path}.{field} is not a token and its id");
    }

    private static PostProcessor ReadTemplate(JsonElement processor, string path)
    {
        JsonElement tokens = processor.Required(path, "special_tokens");
        (int[] Before, int[] After) second = ReadSecondEnds(processor, path);
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
            ? new PostProcessor([.. prefix], [.. suffix]) { SecondPrefix = second.Before, SecondSuffix = second.After }
            : throw new InvalidDataException($"{path}.single has no sequence A");
    }

    // Of the template of a pair only what stands around its second text: the first one's ends are those of a single text (in a template
    // where they are not, the difference counts as the second's). A file without such a template joins texts without anything between.
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
                JsonElement token = tokens.Optional($"{path}.special_tokens", name)
                    ?? throw new InvalidDataException($"{tokenPath} is missing");
                foreach ((JsonElement id, string idPath) in token.RequiredArray(tokenPath, "ids"))
                {
                    (seen == 1 ? before : after).Add(id.TokenId(idPath));
                }
            }
        }

        return ([.. before], [.. after]);
    }
}
