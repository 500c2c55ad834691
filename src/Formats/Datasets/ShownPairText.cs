using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Rm.Formats.Datasets;

/// <summary>Shows a pair to people: both sides decoded, with where the reward is read.</summary>
internal static class ShownPairText
{
    private const int MostCharacters = 3000;

    /// <summary>Writes both sides; a long text loses its middle here, and only here.</summary>
    public static void Write(ShownPair pair, string split, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{split}: the first pair as the model reads it ({pair.File}, line {pair.Line})"));
        WriteSide("chosen", pair.Chosen, output);
        WriteSide("rejected", pair.Rejected, output);
    }

    private static void WriteSide(string name, ShownSide side, TextWriter output)
    {
        string token = side.RewardTokenText is { } text
            ? $" \"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\""
            : "";
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {name}, {side.Tokens} tokens{(side.Truncated ? " (truncated)" : "")}, reward read at the last one, "
                + $"{side.RewardTokenId}{token}"));
        foreach (string line in side.Text is null ? [] : Visible(Shortened(side.Text)).Split('\n'))
        {
            output.WriteLine($"    | {line}");
        }
    }

    private static string Shortened(string text) => text.Length <= MostCharacters
        ? text
        : string.Create(
            CultureInfo.InvariantCulture,
            $"{text.AsSpan(0, MostCharacters / 2)}\n[{text.Length - MostCharacters} characters not "
                + $"shown]\n{text.AsSpan(text.Length - (MostCharacters / 2))}");

    // Data must not be able to steer a terminal.
    private static string Visible(string text)
    {
        var shown = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (char.IsControl(c) && c is not ('\n' or '\t'))
            {
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                shown.Append(c);
            }
        }

        return shown.ToString();
    }
}
