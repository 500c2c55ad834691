using System.Globalization;
using System.Text;

namespace Rm.Host.Tokenization.ChatTemplates;

/// <summary>Python's case mappings.</summary>
internal static class TextCase
{
    public static string Upper(RenderState state, string text)
    {
        state.Make(text.Length);
        return text.ToUpperInvariant();
    }

    public static string Lower(RenderState state, string text)
    {
        state.Make(text.Length);
        return text.ToLowerInvariant();
    }

    /// <summary>First character upper, the rest lower.</summary>
    public static string Capitalize(RenderState state, string text)
    {
        if (text.Length == 0)
        {
            return text;
        }

        var width = CodePoints.WidthAt(text, 0);
        return Upper(state, text[..width]) + Lower(state, text[width..]);
    }

    /// <summary>Every run of letters capitalized, as str.title does (the title filter splits differently).</summary>
    public static string Title(RenderState state, string text)
    {
        var result = new StringBuilder(text.Length);
        var isInside = false;
        foreach (string point in CodePoints.Each(text))
        {
            result.Append(isInside ? Lower(state, point) : Upper(state, point));
            isInside = IsCased(point);
        }

        return result.ToString();
    }

    /// <summary>Lower case for comparison without regard to case.</summary>
    public static string Fold(RenderState state, string text) =>
        Lower(state, text).Replace("ß", "ss", StringComparison.Ordinal).Replace('ς', 'σ');

    /// <summary>Upper to lower and lower to upper.</summary>
    public static string Swap(RenderState state, string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (string point in CodePoints.Each(text))
        {
            result.Append(TextPredicates.IsUpper(point) ? Lower(state, point) : Upper(state, point));
        }

        return result.ToString();
    }

    private static bool IsCased(string point) => CharUnicodeInfo.GetUnicodeCategory(point, 0) is UnicodeCategory.LowercaseLetter
        or UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter;
}
