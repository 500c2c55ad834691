using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's case mappings: full Unicode, so one character may become several.</summary>
internal static class TextCase
{
    public static string Upper(RenderState state, string text)
    {
        // No character becomes more than three.
        state.Make(text.Length);
        return Ascii(text) ? text.ToUpperInvariant() : Map(state, text, UpperOf);
    }

    public static string Lower(RenderState state, string text)
    {
        state.Make(text.Length);
        if (Ascii(text))
        {
            return text.ToLowerInvariant();
        }

        var result = new StringBuilder(text.Length);
        int[] points = CodePoints.ToArray(text);
        for (int i = 0; i < points.Length; i++)
        {
            _ = points[i] switch
            {
                0x130 => result.Append("i\u0307"),
                'Σ' => result.Append(IsFinalSigma(state, points, i) ? 'ς' : 'σ'),
                _ => result.Append(Spell(points[i]).ToLowerInvariant()),
            };
        }

        return result.ToString();
    }

    /// <summary>First character in title case, the rest lower.</summary>
    public static string Capitalize(RenderState state, string text)
    {
        if (text.Length == 0)
        {
            return text;
        }

        // The rest is lowered as a part of the whole: a sigma looks at what stands before it.
        int width = CodePoints.WidthAt(text, 0);
        int first = CodePoints.ToArray(text[..width])[0];
        return TitleOf(first) + Lower(state, text)[Lower(state, text[..width]).Length..];
    }

    /// <summary>First character upper, the rest lower, each by itself: what the title filter does to a word.</summary>
    public static string UpperFirst(RenderState state, string text)
    {
        int width = text.Length == 0 ? 0 : CodePoints.WidthAt(text, 0);
        return Upper(state, text[..width]) + Lower(state, text[width..]);
    }

    /// <summary>Every run of letters capitalized, as str.title does (the title filter splits differently).</summary>
    public static string Title(RenderState state, string text)
    {
        state.Make(text.Length);
        var result = new StringBuilder(text.Length);
        bool isInside = false;
        int[] points = CodePoints.ToArray(text);
        for (int i = 0; i < points.Length; i++)
        {
            int point = points[i];
            result.Append(!isInside ? TitleOf(point)
                : point == 'Σ' ? IsFinalSigma(state, points, i) ? "ς" : "σ"
                : Lower(state, Spell(point)));
            isInside = CaseTables.IsCased(point);
        }

        return result.ToString();
    }

    /// <summary>str.casefold: lower case for comparison without regard to case.</summary>
    public static string Fold(RenderState state, string text)
    {
        state.Make(text.Length);

        // Except for these few, folding is the lower case of the upper case. Cherokee folds to its older, upper letters.
        return Map(state, text, point => point switch
        {
            0x131 => "ı",
            0x1E9E => "ss",
            >= 0x13A0 and <= 0x13FD or >= 0xAB70 and <= 0xABBF => UpperOf(point),
            _ => string.Concat(CodePoints.Each(UpperOf(point)).Select(p => Lower(state, (string)p))),
        });
    }

    /// <summary>Upper to lower and lower to upper.</summary>
    public static string Swap(RenderState state, string text)
    {
        state.Make(text.Length);
        var result = new StringBuilder(text.Length);
        int[] points = CodePoints.ToArray(text);
        for (int i = 0; i < points.Length; i++)
        {
            int point = points[i];
            result.Append(point == 'Σ' ? IsFinalSigma(state, points, i) ? "ς" : "σ"
                : CaseTables.IsUpper(point) ? Lower(state, Spell(point))
                : CaseTables.IsLower(point) ? UpperOf(point) : Spell(point));
        }

        return result.ToString();
    }

    private static bool Ascii(string text) => System.Text.Ascii.IsValid(text);

    private static string Map(RenderState state, string text, Func<int, string> map)
    {
        var result = new StringBuilder(text.Length);
        foreach (int point in CodePoints.ToArray(text))
        {
            result.Append(map(point));
        }

        state.Make(result.Length);
        return result.ToString();
    }

    private static string UpperOf(int point) =>
        CaseTables.Upper.TryGetValue(point, out string? upper) ? upper : Spell(point).ToUpperInvariant();

    private static string TitleOf(int point) => CaseTables.Title.TryGetValue(point, out string? title) ? title
        : point is >= 0x10D0 and <= 0x10FF ? Spell(point) : UpperOf(point);

    /// <summary>Whether the capital sigma at <paramref name="index"/> ends a word.</summary>
    private static bool IsFinalSigma(RenderState state, int[] points, int index)
    {
        int before = index - 1;
        while (before >= 0 && CaseTables.IsCaseIgnorable(points[before]))
        {
            before--;
        }

        int after = index + 1;
        while (after < points.Length && CaseTables.IsCaseIgnorable(points[after]))
        {
            after++;
        }

        state.Step((after - before) / 16);
        return before >= 0 && CaseTables.IsCased(points[before]) && (after == points.Length || !CaseTables.IsCased(points[after]));
    }

    private static string Spell(int point) => point < 0x10000 ? ((char)point).ToString() : char.ConvertFromUtf32(point);
}
