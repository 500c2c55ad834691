using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Host.Options;

namespace Rm.Host.Trl;

/// <summary>Typed reading of options. Throws <see cref="UserInputException"/> naming the option as the user did.</summary>
internal sealed class TrlValues(TrlArguments arguments)
{
    /// <summary>A string, or null.</summary>
    public string? Text(string name)
    {
        (JsonNode? value, string where) = Get(name, TrlOptionKind.Text);
        return value is null ? null : Text(value) ?? throw Wrong(where, value, "a text");
    }

    /// <summary>A string out of some.</summary>
    public string Choice(string name, params ReadOnlySpan<string> choices)
    {
        string value = Text(name) ?? "";
        return choices.Contains(value)
            ? value
            : throw new UserInputException(
                $"{Where(name)}: '{value}' is not known{NameSuggestion.DidYouMean(value, choices.ToArray())}. Choose one of: "
                    + $"{string.Join(", ", choices)}.");
    }

    /// <summary>True or false; null where the option may be and is.</summary>
    public bool? OptionalFlag(string name)
    {
        (JsonNode? value, string where) = Get(name, TrlOptionKind.Flag);
        return value is null ? null : Flag(value) ?? throw Wrong(where, value, "true or false");
    }

    /// <summary>True or false.</summary>
    public bool Flag(string name) => OptionalFlag(name) ?? throw Missing(name);

    /// <summary>A whole number in a range; null where the option may be and is.</summary>
    public int? OptionalWhole(string name, int least = 0, int most = int.MaxValue)
    {
        (JsonNode? value, string where) = Get(name, TrlOptionKind.Whole);
        if (value is null)
        {
            return null;
        }

        double number = Number(value) ?? throw Wrong(where, value, "a whole number");
        return number == Math.Floor(number) && number >= least && number <= most
            ? (int)number
            : throw Wrong(
                where, value, most == int.MaxValue ? $"a whole number of {least} or more" : $"a whole number from {least} to {most}");
    }

    /// <summary>A whole number in a range.</summary>
    public int Whole(string name, int least = 0, int most = int.MaxValue) => OptionalWhole(name, least, most) ?? throw Missing(name);

    /// <summary>A finite number in a range; null where the option may be and is.</summary>
    public double? OptionalNumber(string name, double least = 0, double most = double.MaxValue)
    {
        (JsonNode? value, string where) = Get(name, null);
        if (value is null)
        {
            return null;
        }

        double number = Number(value) ?? throw Wrong(where, value, "a number");
        return number >= least && number <= most
            ? number
            : throw Wrong(where, value, most == double.MaxValue ? Invariant($"a number of {least} or more")
                : Invariant($"a number from {least} to {most}"));
    }

    /// <summary>A finite number in a range.</summary>
    public double Number(string name, double least = 0, double most = double.MaxValue) =>
        OptionalNumber(name, least, most) ?? throw Missing(name);

    /// <summary>Strings; null where none are given.</summary>
    public IReadOnlyList<string>? TextList(string name)
    {
        (JsonNode? value, string where) = Get(name, TrlOptionKind.TextList);
        return value switch
        {
            null => null,
            JsonArray list => [.. list.Select(item => (item is null ? null : Text(item)) ?? throw Wrong(where, value, "a list of names"))],
            _ => [Text(value) ?? throw Wrong(where, value, "a list of names")],
        };
    }

    /// <summary>Names with values; null where none are given.</summary>
    public JsonObject? Mapping(string name)
    {
        (JsonNode? value, string where) = Get(name, TrlOptionKind.Mapping);
        return value switch
        {
            null => null,
            JsonObject members => members,
            _ => throw Wrong(where, value, "names with values, such as {\"num_cycles\": 2}"),
        };
    }

    /// <summary>Mappings; none where none are given.</summary>
    public IReadOnlyList<JsonObject> List(string name)
    {
        (JsonNode? value, string where) = Get(name, TrlOptionKind.List);
        return value is JsonArray list && list.All(item => item is JsonObject)
            ? [.. list.Cast<JsonObject>()]
            : throw Wrong(where, value, "a list of names with values, such as \"- path: DIR\"");
    }

    /// <summary>Whether an option has another value than TRL's default.</summary>
    public bool Differs(TrlOption option)
    {
        (JsonNode? value, _) = arguments.Get(option);
        var usual = JsonNode.Parse(option.Default);
        return option.Kind switch
        {
            TrlOptionKind.Flag => (value is null ? null : Flag(value) ?? !(usual?.GetValue<bool>() ?? false)) != usual?.GetValue<bool>(),
            TrlOptionKind.Whole or TrlOptionKind.Number =>
                (value is null ? null : Number(value) ?? double.NaN) != (usual is null ? null : Number(usual)),
            TrlOptionKind.Text => (value is null ? null : Text(value)) != (usual is null ? null : Text(usual)),
            _ => !JsonNode.DeepEquals(value, usual) && value is not JsonArray { Count: 0 } and not JsonObject { Count: 0 },
        };
    }

    /// <summary>How the user named an option.</summary>
    public string Where(string name) => arguments.Get(Option(name)).Where;

    /// <summary>The value as text, for run.json.</summary>
    public string Show(TrlOption option) => arguments.Get(option).Value switch
    {
        null => "null",
        JsonValue value when Text(value) is { } text => text,
        var value => value.ToJsonString(),
    };

    /// <summary>An error about an option.</summary>
    public UserInputException Error(string name, string message) => new($"{Where(name)}: {message}");

    /// <summary>A value as a finite number, also out of a string: argparse converts those.</summary>
    internal static double? Number(JsonNode value)
    {
        if (value is not JsonValue scalar || scalar.GetValueKind() is JsonValueKind.True or JsonValueKind.False)
        {
            return null;
        }

        string text = scalar.GetValueKind() == JsonValueKind.String ? scalar.GetValue<string>().Trim() : scalar.ToJsonString();
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
            ? number
            : null;
    }

    /// <summary>A value as text; null for lists and mappings.</summary>
    internal static string? Text(JsonNode value) => value is not JsonValue scalar ? null : scalar.GetValueKind() switch
    {
        JsonValueKind.String => scalar.GetValue<string>(),

        // YAML reads "no" as false, and transformers takes that for the name of a strategy.
        JsonValueKind.False => "no",
        JsonValueKind.True => "true",
        _ => scalar.ToJsonString(),
    };

    private static bool? Flag(JsonNode value) => value is not JsonValue scalar ? null : scalar.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String => scalar.GetValue<string>().ToUpperInvariant() switch
        {
            "YES" or "TRUE" or "T" or "Y" or "1" => true,
            "NO" or "FALSE" or "F" or "N" or "0" => false,
            _ => null,
        },
        _ => null,
    };

    private (JsonNode? Value, string Where) Get(string name, TrlOptionKind? kind)
    {
        TrlOption option = Option(name);
        System.Diagnostics.Debug.Assert(kind is null || option.Kind == kind, name);
        return arguments.Get(option);
    }

    private static TrlOption Option(string name) =>
        TrlOptionTable.Find(name) ?? throw new ArgumentException($"{name} is not in the table", nameof(name));

    private UserInputException Missing(string name) => Error(name, "must have a value.");

    private static UserInputException Wrong(string where, JsonNode? value, string kind) =>
        new($"{where}: must be {kind}, not {value?.ToJsonString() ?? "nothing"}.");

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
