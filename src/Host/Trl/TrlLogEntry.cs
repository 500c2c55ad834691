using System.Text.Json;
using Rm.Formats.ChatTemplates;

namespace Rm.Host.Trl;

/// <summary>One line of TRL's log: figures by name in the order in which they are printed.</summary>
/// <param name="Step">Step at which it was made.</param>
/// <param name="Figures">Names and values.</param>
internal sealed record TrlLogEntry(int Step, IReadOnlyList<KeyValuePair<string, double>> Figures)
{
    private const string Unprinted = "total_flos";
    private static readonly FormatSpec FourDigits = FormatSpec.Parse(".4g");

    /// <summary>The value of a figure, or null.</summary>
    public double? this[string name] =>
        Figures.Where(figure => figure.Key == name).Select(figure => (double?)figure.Value).FirstOrDefault();

    /// <summary>The line as Python prints a dictionary of figures with four digits.</summary>
    public string ToLine()
    {
        var state = new RenderState(now: null);
        IEnumerable<string> printed = Figures.Where(figure => figure.Key != Unprinted)
            .Select(figure => $"'{figure.Key}': '{FourDigits.Float(state, figure.Value)}'");
        return $"{{{string.Join(", ", printed)}}}";
    }

    /// <summary>Writes the entry as trainer_state.json has it: names in order, floating-point numbers as Python writes them.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach ((string name, double? value) in Figures.Select(figure => (figure.Key, (double?)figure.Value)).Append(("step", null))
            .OrderBy(figure => figure.Item1, StringComparer.Ordinal))
        {
            writer.WritePropertyName(name);
            writer.WriteRawValue(
                value is { } number ? PythonText.Float(number) : Step.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        writer.WriteEndObject();
    }

    /// <summary>Reads an entry; null when it is none.</summary>
    public static TrlLogEntry? Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object || !json.TryGetProperty("step", out JsonElement step)
            || !step.TryGetInt32(out int number)
            || json.EnumerateObject().Any(member => member.Value.ValueKind != JsonValueKind.Number))
        {
            return null;
        }

        return new TrlLogEntry(
            number, [.. json.EnumerateObject().Where(member => member.Name != "step")
                .Select(member => KeyValuePair.Create(member.Name, member.Value.GetDouble()))]);
    }
}
