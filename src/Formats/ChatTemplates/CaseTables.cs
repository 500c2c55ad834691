using System.Globalization;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// What Unicode 16 says about case beyond the one-to-one mappings of the runtime, from its SpecialCasing and PropList tables.
/// Entries are hexadecimal code points, <c>key=mapped+mapped</c> or <c>first-last</c>.
/// </summary>
internal static class CaseTables
{
    /// <summary>Upper case where it is longer than one character, or where the runtime's invariant mapping leaves it out.</summary>
    public static readonly Dictionary<int, string> Upper = Mappings(
        """
        df=53+53 131=49 149=2bc+4e 17f=53 1f0=4a+30c 390=399+308+301 3b0=3a5+308+301 587=535+552 1e96=48+331 1e97=54+308 
        1e98=57+30a 1e99=59+30a 1e9a=41+2be 1f50=3a5+313 1f52=3a5+313+300 1f54=3a5+313+301 1f56=3a5+313+342 1f80=1f08+399 
        1f81=1f09+399 1f82=1f0a+399 1f83=1f0b+399 1f84=1f0c+399 1f85=1f0d+399 1f86=1f0e+399 1f87=1f0f+399 1f88=1f08+399 
        1f89=1f09+399 1f8a=1f0a+399 1f8b=1f0b+399 1f8c=1f0c+399 1f8d=1f0d+399 1f8e=1f0e+399 1f8f=1f0f+399 1f90=1f28+399 
        1f91=1f29+399 1f92=1f2a+399 1f93=1f2b+399 1f94=1f2c+399 1f95=1f2d+399 1f96=1f2e+399 1f97=1f2f+399 1f98=1f28+399 
        1f99=1f29+399 1f9a=1f2a+399 1f9b=1f2b+399 1f9c=1f2c+399 1f9d=1f2d+399 1f9e=1f2e+399 1f9f=1f2f+399 1fa0=1f68+399 
        1fa1=1f69+399 1fa2=1f6a+399 1fa3=1f6b+399 1fa4=1f6c+399 1fa5=1f6d+399 1fa6=1f6e+399 1fa7=1f6f+399 1fa8=1f68+399 
        1fa9=1f69+399 1faa=1f6a+399 1fab=1f6b+399 1fac=1f6c+399 1fad=1f6d+399 1fae=1f6e+399 1faf=1f6f+399 1fb2=1fba+399 
        1fb3=391+399 1fb4=386+399 1fb6=391+342 1fb7=391+342+399 1fbc=391+399 1fc2=1fca+399 1fc3=397+399 1fc4=389+399 
        1fc6=397+342 1fc7=397+342+399 1fcc=397+399 1fd2=399+308+300 1fd3=399+308+301 1fd6=399+342 1fd7=399+308+342 
        1fe2=3a5+308+300 1fe3=3a5+308+301 1fe4=3a1+313 1fe6=3a5+342 1fe7=3a5+308+342 1ff2=1ffa+399 1ff3=3a9+399 1ff4=38f+399 
        1ff6=3a9+342 1ff7=3a9+342+399 1ffc=3a9+399 fb00=46+46 fb01=46+49 fb02=46+4c fb03=46+46+49 fb04=46+46+4c fb05=53+54 
        fb06=53+54 fb13=544+546 fb14=544+535 fb15=544+53b fb16=54e+546 fb17=544+53d
        """);

    /// <summary>Title case where it differs from upper case, Georgian letters (which stay) apart.</summary>
    public static readonly Dictionary<int, string> Title = Mappings(
        """
        df=53+73 1c4=1c5 1c5=1c5 1c6=1c5 1c7=1c8 1c8=1c8 1c9=1c8 1ca=1cb 1cb=1cb 1cc=1cb 1f1=1f2 1f2=1f2 1f3=1f2 587=535+582 
        1f80=1f88 1f81=1f89 1f82=1f8a 1f83=1f8b 1f84=1f8c 1f85=1f8d 1f86=1f8e 1f87=1f8f 1f88=1f88 1f89=1f89 1f8a=1f8a 
        1f8b=1f8b 1f8c=1f8c 1f8d=1f8d 1f8e=1f8e 1f8f=1f8f 1f90=1f98 1f91=1f99 1f92=1f9a 1f93=1f9b 1f94=1f9c 1f95=1f9d 
        1f96=1f9e 1f97=1f9f 1f98=1f98 1f99=1f99 1f9a=1f9a 1f9b=1f9b 1f9c=1f9c 1f9d=1f9d 1f9e=1f9e 1f9f=1f9f 1fa0=1fa8 
        1fa1=1fa9 1fa2=1faa 1fa3=1fab 1fa4=1fac 1fa5=1fad 1fa6=1fae 1fa7=1faf 1fa8=1fa8 1fa9=1fa9 1faa=1faa 1fab=1fab 
        1fac=1fac 1fad=1fad 1fae=1fae 1faf=1faf 1fb2=1fba+345 1fb3=1fbc 1fb4=386+345 1fb7=391+342+345 1fbc=1fbc 1fc2=1fca+345 
        1fc3=1fcc 1fc4=389+345 1fc7=397+342+345 1fcc=1fcc 1ff2=1ffa+345 1ff3=1ffc 1ff4=38f+345 1ff7=3a9+342+345 1ffc=1ffc 
        fb00=46+66 fb01=46+69 fb02=46+6c fb03=46+66+69 fb04=46+66+6c fb05=53+74 fb06=53+74 fb13=544+576 fb14=544+565 
        fb15=544+56b fb16=54e+576 fb17=544+56d
        """);

    private static readonly List<(int First, int Last)> OtherLowercase = Ranges(
        """
        aa ba 2b0-2b8 2c0-2c1 2e0-2e4 345 37a 10fc 1d2c-1d6a 1d78 1d9b-1dbf 2071 207f 2090-209c 2170-217f 24d0-24e9
        2c7c-2c7d a69c-a69d a770 a7f2-a7f4 a7f8-a7f9 ab5c-ab5f ab69 10780 10783-10785 10787-107b0 107b2-107ba
        1e030-1e06d
        """);

    private static readonly List<(int First, int Last)> OtherUppercase = Ranges("2160-216f 24b6-24cf 1f130-1f149 1f150-1f169 1f170-1f189");

    /// <summary>Punctuation that does not end a word where the final sigma is concerned.</summary>
    private const string IgnorablePunctuation =
        "'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a";

    public static bool IsLower(int point) =>
        PythonText.Category(point) == UnicodeCategory.LowercaseLetter || Contains(OtherLowercase, point);

    public static bool IsUpper(int point) =>
        PythonText.Category(point) == UnicodeCategory.UppercaseLetter || Contains(OtherUppercase, point);

    public static bool IsCased(int point) =>
        IsLower(point) || IsUpper(point) || PythonText.Category(point) == UnicodeCategory.TitlecaseLetter;

    /// <summary>Marks, modifiers and some punctuation, which a search for the neighbouring letter passes over.</summary>
    public static bool IsCaseIgnorable(int point) => PythonText.Category(point) is UnicodeCategory.NonSpacingMark
        or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol
        || (point < 0x10000 && IgnorablePunctuation.Contains((char)point, StringComparison.Ordinal));

    private static bool Contains(List<(int First, int Last)> ranges, int point) =>
        point >= 0xAA && ranges.Exists(r => r.First <= point && point <= r.Last);

    private static Dictionary<int, string> Mappings(string table)
    {
        var result = new Dictionary<int, string>();
        foreach (string entry in Entries(table))
        {
            string[] half = entry.Split('=');
            result[Hex(half[0])] = string.Concat(half[1].Split('+').Select(h => char.ConvertFromUtf32(Hex(h))));
        }

        return result;
    }

    private static List<(int First, int Last)> Ranges(string table) =>
        [.. Entries(table).Select(entry => entry.Split('-')).Select(ends => (Hex(ends[0]), Hex(ends[^1])))];

    private static string[] Entries(string table) => table.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries);

    private static int Hex(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
