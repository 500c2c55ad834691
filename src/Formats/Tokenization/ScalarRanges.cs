using System.Globalization;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Reads the compact tables of Unicode data: items between white space, scalars in hexadecimal, ranges as <c>first-last</c>.
/// </summary>
internal static class ScalarRanges
{
    /// <summary>The items of a table.</summary>
    public static string[] Items(string table) => table.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>One scalar.</summary>
    public static int Hex(ReadOnlySpan<char> digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>Scalars with plus signs between.</summary>
    public static int[] Sum(ReadOnlySpan<char> item)
    {
        var parts = new List<int>();
        foreach (System.Range part in item.Split('+'))
        {
            parts.Add(Hex(item[part]));
        }

        return [.. parts];
    }

    /// <summary>A range, or one scalar as a range.</summary>
    public static (int First, int Last) Range(ReadOnlySpan<char> item)
    {
        int dash = item.IndexOf('-');
        return dash < 0 ? (Hex(item), Hex(item)) : (Hex(item[..dash]), Hex(item[(dash + 1)..]));
    }

    /// <summary>All ranges of a table.</summary>
    public static (int First, int Last)[] Parse(string table) => [.. Items(table).Select(item => Range(item))];
}
