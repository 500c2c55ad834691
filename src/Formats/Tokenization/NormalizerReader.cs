using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>Reads the <c>normalizer</c> section of tokenizer.json.</summary>
internal static class NormalizerReader
{
    /// <summary>The steps; none when the section is absent.</summary>
    /// <exception cref="InvalidDataException">A kind that is not supported, or a malformed one; the message names the place.</exception>
    public static Normalizer Read(JsonElement? section)
    {
        var steps = new List<NormalizerStep>();
        if (section is { } normalizer)
        {
            AddSteps(normalizer, "normalizer", steps);
        }

        return new Normalizer(steps);
    }

    private static void AddSteps(JsonElement section, string path, List<NormalizerStep> steps)
    {
        string type = section.RequiredString(path, "type");
        if (type == "Sequence")
        {
            foreach ((JsonElement item, string itemPath) in section.RequiredArray(path, "normalizers"))
            {
                AddSteps(item, itemPath, steps);
            }

            return;
        }

        steps.Add(type switch
        {
            "NFC" => new UnicodeFormStep(UnicodeForm.Nfc),
            "NFD" => new UnicodeFormStep(UnicodeForm.Nfd),
            "NFKC" => new UnicodeFormStep(UnicodeForm.Nfkc),
            "NFKD" => new UnicodeFormStep(UnicodeForm.Nfkd),
            "Lowercase" => new LowercaseStep(),
            "StripAccents" => FilterStep.StripAccents,
            "Nmt" => FilterStep.Nmt,
            "Strip" => new StripStep(
                section.Flag(path, "strip_left", otherwise: true), section.Flag(path, "strip_right", otherwise: true)),
            "Prepend" => new PrependStep(section.RequiredString(path, "prepend")),
            "Replace" => ReadReplace(section, path),
            "Precompiled" => new PrecompiledStep(ReadCharsMap(section, path)),
            _ => throw PipelineFields.Unsupported(
                path, type, "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace, Precompiled, Nmt, Sequence"),
        });
        if (steps.Count > Normalizer.MaxSteps)
        {
            throw new InvalidDataException($"normalizer has more than {Normalizer.MaxSteps} steps");
        }
    }

    private static NormalizerStep ReadReplace(JsonElement section, string path)
    {
        string content = section.RequiredString(path, "content");
        return section.Required(path, "pattern").OptionalString($"{path}.pattern", "String") is { Length: 1 } from && content.Length == 1
            ? new ReplaceCharacterStep(from[0], content[0])
            : new ReplaceStep(PipelineFields.ReadPattern(section, path), content);
    }

    private static CharsMap ReadCharsMap(JsonElement section, string path)
    {
        JsonElement map = section.Required(path, "precompiled_charsmap");
        if (map.ValueKind != JsonValueKind.String || !map.TryGetBytesFromBase64(out byte[]? bytes))
        {
            throw new InvalidDataException($"{path}.precompiled_charsmap is not base64");
        }

        return new CharsMap(bytes);
    }
}
