using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>What the sections of tokenizer.json around the model have in common.</summary>
internal static class PipelineFields
{
    /// <summary>The field <c>pattern</c>: a regular expression, or a text that is not empty.</summary>
    /// <exception cref="InvalidDataException">It is neither, or has a construct that is not supported.</exception>
    public static WordScanner ReadPattern(JsonElement section, string path)
    {
        JsonElement pattern = section.Required(path, "pattern");
        string patternPath = $"{path}.pattern";
        if (pattern.OptionalString(patternPath, "Regex") is { } regex)
        {
            return WordScanner.For(regex);
        }

        string literal = pattern.RequiredString(patternPath, "String");
        return literal.Length > 0 ? SplitRegex.Literal(literal) : throw new InvalidDataException($"{patternPath}.String is empty");
    }

    /// <summary>One of an enumeration's names, case and all.</summary>
    public static T ReadName<T>(this JsonElement section, string path, string field, T? otherwise = null)
        where T : struct, Enum
    {
        if (otherwise is { } value && section.Optional(path, field) is null)
        {
            return value;
        }

        string name = section.RequiredString(path, field);
        return Enum.TryParse(name, ignoreCase: false, out T parsed) && Enum.IsDefined(parsed) && char.IsLetter(name[0])
            ? parsed
            : throw Unsupported($"{path}.{field}", name, string.Join(", ", Enum.GetNames<T>()));
    }

    /// <summary>The error of a kind that is not supported.</summary>
    public static InvalidDataException Unsupported(string path, string type, string supported) =>
        new($"{path} is {type}, which is not supported (supported: {supported})");
}
