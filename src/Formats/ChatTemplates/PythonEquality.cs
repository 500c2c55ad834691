using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's == and hash: 1 == 1.0 == True, lists and dicts by value, undefined equals undefined.</summary>
internal sealed class PythonEquality : IEqualityComparer<object>
{
    public static readonly PythonEquality Instance = new();

    bool IEqualityComparer<object>.Equals(object? x, object? y) => AreEqual(x!, y!, 0);

    int IEqualityComparer<object>.GetHashCode(object value) => Hash(value, 0);

    public static bool AreEqual(object x, object y) => AreEqual(x, y, 0);

    /// <summary>Charges for the hash of a dict key before it is computed; throws when it has none.</summary>
    public static object RequireHashable(RenderState state, object key)
    {
        if (PythonTypes.TryText(key, out string? text))
        {
            state.Scan(text.Length);
            return text;
        }

        if (key is PyTuple)
        {
            state.Step(ValueSize.Of(key));
        }

        Hash(key, 0);
        return key;
    }

    private static bool AreEqual(object x, object y, int depth)
    {
        CheckDepth(depth);
        if (PythonTypes.TryText(x, out string? text))
        {
            return PythonTypes.TryText(y, out string? other) && string.Equals(text, other, StringComparison.Ordinal);
        }

        if (PythonArithmetic.IsNumber(x))
        {
            return PythonArithmetic.IsNumber(y) && PythonArithmetic.Compare(x, y) == 0;
        }

        return (x, y) switch
        {
            (List<object> a, List<object> b) => AreEqual(a, b, depth),
            (PyTuple a, PyTuple b) => AreEqual(a.Items, b.Items, depth),
            (PyDict a, PyDict b) => AreEqual(a, b, depth),
            (PyRange a, PyRange b) => a.Length == b.Length
                && (a.Length == 0 || (a.Start == b.Start && (a.Length == 1 || a.Step == b.Step))),
            (Undefined, Undefined) => true,
            _ => ReferenceEquals(x, y),
        };
    }

    private static bool AreEqual(IReadOnlyList<object> a, IReadOnlyList<object> b, int depth)
    {
        if (a.Count != b.Count)
        {
            return false;
        }

        for (int i = 0; i < a.Count; i++)
        {
            if (!ReferenceEquals(a[i], b[i]) && !AreEqual(a[i], b[i], depth + 1))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AreEqual(PyDict a, PyDict b, int depth)
    {
        if (a.Count != b.Count)
        {
            return false;
        }

        foreach ((object? key, object? value) in a)
        {
            if (!b.TryGetValue(key, out object? other) || !AreEqual(value, other, depth + 1))
            {
                return false;
            }
        }

        return true;
    }

    private static int Hash(object value, int depth)
    {
        CheckDepth(depth);
        if (PythonTypes.TryText(value, out string? text))
        {
            return text.GetHashCode(StringComparison.Ordinal);
        }

        switch (value)
        {
            case bool b:
                return b ? 1L.GetHashCode() : 0L.GetHashCode();
            case double d:
                // Whole floats hash like the equal integer, which is a long below 2^63 and a BigInteger beyond.
                return d != Math.Floor(d) || !double.IsFinite(d) ? d.GetHashCode()
                    : d is >= -9223372036854775808.0 and < 9223372036854775808.0 ? ((long)d).GetHashCode()
                    : new BigInteger(d).GetHashCode();
            case PyTuple tuple:
                var hash = new HashCode();
                foreach (object item in tuple.Items)
                {
                    hash.Add(Hash(item, depth + 1));
                }

                return hash.ToHashCode();
            case List<object> or PyDict:
                throw new TemplateException($"unhashable type: '{PythonTypes.Name(value)}'");
            case PyRange range:
                return range.Length;
            case Undefined:
                return 0;
            default:
                return value.GetHashCode();
        }
    }

    private static void CheckDepth(int depth)
    {
        if (depth > TemplateLimits.ValueDepth)
        {
            throw new TemplateException($"a value is nested deeper than {TemplateLimits.ValueDepth}");
        }
    }
}
