using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>Reads the <c>pre_tokenizer</c> section of tokenizer.json.</summary>
internal static class PreTokenizerReader
{
    private const int MaxSteps = 32;
    private static readonly CharClass numbers = new(Scalars.Numbers);
    private static readonly CharClass punctuation = new(ranges: [.. ScalarRanges.Parse(CharacterData.Punctuation)]);

    /// <summary>The steps; none when the section is absent, so that a text is one word.</summary>
    /// <exception cref="InvalidDataException">A kind that is not supported, or a malformed one; the message names the place.</exception>
    public static PreTokenizer Read(JsonElement? section)
    {
        var sections = new List<(JsonElement Section, string Path)>();
        if (section is { } preTokenizer)
        {
            Flatten(preTokenizer, "pre_tokenizer", sections);
        }

        int byteLevel = sections.FindIndex(item => Type(item) == "ByteLevel");
        for (int i = byteLevel + 1; byteLevel >= 0 && i < sections.Count; i++)
        {
            if (Type(sections[i]) is "ByteLevel" or "Metaspace")
            {
                throw new InvalidDataException(
                    $"{sections[i].Path} is {Type(sections[i])} behind a ByteLevel step, which is not supported");
            }
        }

        var steps = new List<PreTokenizerStep>();
        foreach ((JsonElement item, string path) in sections)
        {
            AddSteps(item, path, isLast: steps.Count == sections.Count - 1, steps);
        }

        return new PreTokenizer(steps, byteLevel >= 0);
    }

    private static void Flatten(JsonElement section, string path, List<(JsonElement Section, string Path)> sections)
    {
        if (section.RequiredString(path, "type") != "Sequence")
        {
            sections.Add((section, path));
            return;
        }

        foreach ((JsonElement item, string itemPath) in section.RequiredArray(path, "pretokenizers"))
        {
            Flatten(item, itemPath, sections);
            if (sections.Count > MaxSteps)
            {
                throw new InvalidDataException($"pre_tokenizer has more than {MaxSteps} steps");
            }
        }
    }

    private static string Type((JsonElement Section, string Path) item) => item.Section.RequiredString(item.Path, "type");

    private static void AddSteps(JsonElement section, string path, bool isLast, List<PreTokenizerStep> steps)
    {
        string type = section.RequiredString(path, "type");
        switch (type)
        {
            case "ByteLevel":
                steps.Add(new ByteLevelStep(
                    section.Flag(path, "add_prefix_space", otherwise: true),
                    section.Flag(path, "use_regex", otherwise: true),
                    isLast));
                break;
            case "Metaspace":
                steps.Add(ReadMetaspace(section, path));
                break;
            case "Split":
                steps.Add(new SplitStep(
                    PipelineFields.ReadPattern(section, path),
                    section.ReadName<SplitBehavior>(path, "behavior"),
                    section.Flag(path, "invert", otherwise: false)));
                break;
            case "Digits":
                bool runs = !section.Flag(path, "individual_digits", otherwise: false);
                steps.Add(new SplitStep(SplitRegex.OneOf(numbers, runs), SplitBehavior.Isolated, invert: false));
                break;
            case "Punctuation":
                SplitBehavior behavior = section.ReadName<SplitBehavior>(path, "behavior", SplitBehavior.Isolated);
                steps.Add(new SplitStep(SplitRegex.OneOf(punctuation, run: false), behavior, invert: false));
                break;
            case "Whitespace": // words and runs of what is neither word nor white space
                WordScanner words = SplitRegex.RunsOf(
                    CharClass.RegexWord, CharClass.RegexWord.Complement().Intersect(CharClass.WhiteSpace.Complement()));
                steps.Add(new SplitStep(words, SplitBehavior.Removed, invert: true));
                break;
            case "WhitespaceSplit":
                steps.Add(WhiteSpaceRemoved());
                break;
            case "CharDelimiterSplit":
                WordScanner delimiter = SplitRegex.Literal(ReadCharacter(section, path, "delimiter"));
                steps.Add(new SplitStep(delimiter, SplitBehavior.Removed, invert: false));
                break;
            default:
                throw PipelineFields.Unsupported(
                    path,
                    type,
                    "ByteLevel, Metaspace, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit, Sequence");
        }
    }

    private static SplitStep WhiteSpaceRemoved() =>
        new(SplitRegex.OneOf(CharClass.WhiteSpace, run: false), SplitBehavior.Removed, invert: false);

    /// <summary>
    /// The mark's spellings: <c>prepend_scheme</c>, and <c>add_prefix_space</c> of older files, which must not contradict it.
    /// </summary>
    private static MetaspaceStep ReadMetaspace(JsonElement section, string path)
    {
        string mark = ReadCharacter(section, path, "replacement");
        string? name = section.OptionalString(path, "prepend_scheme");
        PrependScheme scheme = name switch
        {
            null or "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw PipelineFields.Unsupported($"{path}.prepend_scheme", name, "always, first, never"),
        };
        if (!section.Flag(path, "add_prefix_space", otherwise: true))
        {
            if (name is not (null or "never"))
            {
                throw new InvalidDataException($"{path}.add_prefix_space is false, which contradicts prepend_scheme '{name}'");
            }

            scheme = PrependScheme.Never;
        }

        return new MetaspaceStep(mark, scheme, section.Flag(path, "split", otherwise: true));
    }

    private static string ReadCharacter(JsonElement section, string path, string field)
    {
        string text = section.RequiredString(path, field);
        return text.Length > 0 && Scalars.At(text, 0, out int length) >= 0 && length == text.Length
            ? text
            : throw new InvalidDataException($"{path}.{field} is not one character");
    }
}
