using System.Globalization;

namespace Rm.Formats.ChatTemplates;

/// <summary>str.isdigit and its like.</summary>
internal static class TextPredicates
{
    public static Func<string, bool>? Find(string name) => name switch
    {
        "isalpha" => text => All(text, IsAlpha),
        "isdecimal" => text => All(text, IsDecimal),
        "isdigit" => text => All(text, IsDigit),
        "isnumeric" => text => All(text, IsNumeric),
        "isalnum" => text => All(text, IsAlphanumeric),
        "isspace" => text => text.Length > 0 && text.All(CodePoints.IsSpace),
        "isascii" => text => text.All(char.IsAscii),
        "isprintable" => text => text.Length == 0 || All(text, PythonText.IsPrintable),
        "islower" => IsLower,
        "isupper" => IsUpper,
        _ => null,
    };

    /// <summary>At least one cased character, and none that is not lower.</summary>
    public static bool IsLower(string text) => HasOnly(text, CaseTables.IsLower);

    /// <summary>At least one cased character, and none that is not upper.</summary>
    public static bool IsUpper(string text) => HasOnly(text, CaseTables.IsUpper);

    /// <summary>What \w matches besides the underscore.</summary>
    public static bool IsAlphanumeric(int point) => IsAlpha(point) || IsNumeric(point);

    private static bool HasOnly(string text, Func<int, bool> isWanted)
    {
        bool found = false;
        foreach (int point in CodePoints.ToArray(text))
        {
            if (isWanted(point))
            {
                found = true;
            }
            else if (CaseTables.IsCased(point))
            {
                return false;
            }
        }

        return found;
    }

    private static bool All(string text, Func<int, bool> predicate) => text.Length > 0 && CodePoints.ToArray(text).All(predicate);

    private static bool IsAlpha(int point) => PythonText.Category(point) is UnicodeCategory.LowercaseLetter
        or UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    private static bool IsDecimal(int point) => PythonText.Category(point) == UnicodeCategory.DecimalDigitNumber;

    private static bool IsDigit(int point) => CharUnicodeInfo.GetDigitValue(Spell(point), 0) >= 0;

    private static bool IsNumeric(int point) => CharUnicodeInfo.GetNumericValue(Spell(point), 0) != -1;

    private static string Spell(int point) => point < 0x10000 ? ((char)point).ToString() : char.ConvertFromUtf32(point);
}
