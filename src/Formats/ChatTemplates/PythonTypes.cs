using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>Type names, truth values and conversions of arguments.</summary>
internal static class PythonTypes
{
    private static readonly object True = true;
    private static readonly object False = false;

    /// <summary>A bool as a value, without an allocation.</summary>
    public static object Box(bool value) => value ? True : False;

    /// <summary>Python's name of a value's type, for messages.</summary>
    public static string Name(object value) => value switch
    {
        PyNone => "NoneType",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        Markup => "Markup",
        List<object> => "list",
        PyDict => "dict",
        PyTuple => "tuple",
        PyRange => "range",
        PyDictView view => "dict_" + view.Kind,
        PyGenerator => "generator",
        PyNamespace => "Namespace",
        PyCallable => "function",
        Undefined => "Undefined",
        LoopContext => "LoopContext",
        _ => "object",
    };

    /// <summary>The text of a str or Markup.</summary>
    public static bool TryText(object value, [NotNullWhen(true)] out string? text)
    {
        text = value as string ?? (value as Markup)?.Text;
        return text is not null;
    }

    /// <summary>Python's bool(value).</summary>
    public static bool Truth(object value) => value switch
    {
        PyNone or Undefined => false,
        bool b => b,
        long n => n != 0,
        BigInteger n => !n.IsZero,
        double d => d != 0,
        string s => s.Length > 0,
        Markup m => m.Text.Length > 0,
        List<object> list => list.Count > 0,
        PyDict dict => dict.Count > 0,
        PyTuple tuple => tuple.Items.Length > 0,
        PyRange range => range.Length > 0,
        PyDictView view => view.Dict.Count > 0,
        _ => true,
    };

    /// <summary>An argument that must be a string.</summary>
    public static string RequireText(object value, string what) => TryText(value, out string? text)
        ? text
        : throw (value as Undefined)?.Error() ?? new TemplateException($"{what} must be a string, not {Name(value)}");

    /// <summary>An argument that must be an integer; values beyond 32 bits become the nearest one within.</summary>
    public static int RequireInt(object value, string what) => value switch
    {
        bool b => b ? 1 : 0,
        long n => (int)Math.Clamp(n, int.MinValue, int.MaxValue),
        BigInteger n => n.Sign < 0 ? int.MinValue : int.MaxValue,
        Undefined u => throw u.Error(),
        _ => throw new TemplateException($"{what} must be an integer, not {Name(value)}"),
    };

    /// <summary>An optional flag.</summary>
    public static bool Flag(object? value, bool absent = false) => value is null ? absent : Truth(value);
}
