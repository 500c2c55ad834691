namespace Rm.Formats.ChatTemplates;

/// <summary>Python's comparisons. Equality of big values is charged to the budget by their size.</summary>
internal static class PythonOrdering
{
    public static bool AreEqual(RenderState state, object x, object y)
    {
        Charge(state, x, y);
        return PythonEquality.AreEqual(x, y);
    }

    /// <summary>Negative, zero or positive as x is less, equal or greater; null when a NaN makes every order false.</summary>
    public static int? Compare(RenderState state, object x, object y, string symbol = "<")
    {
        return Compare(state, x, y, symbol, 0);
    }

    /// <summary>Code-point order, which differs from UTF-16 order above U+FFFF.</summary>
    public static int CompareText(string x, string y)
    {
        int shared = Math.Min(x.Length, y.Length);
        int i = x.AsSpan(0, shared).CommonPrefixLength(y.AsSpan(0, shared));
        if (i == shared)
        {
            return x.Length - y.Length;
        }

        // Surrogates sort above every other code unit, because what they spell lies above U+FFFF.
        return char.IsSurrogate(x[i]) == char.IsSurrogate(y[i]) ? x[i] - y[i] : char.IsSurrogate(x[i]) ? 1 : -1;
    }

    /// <summary>
    /// Python's sorted(): stable, also when reversed. A merge sort of our own, because the runtime's sorts throw when NaN makes the
    /// order inconsistent.
    /// </summary>
    public static List<T> Sort<T>(RenderState state, IEnumerable<T> items, Func<T, object> key, bool reverse)
    {
        (object Key, T Item)[] source = items.Select(item => (Key: key(item), Item: item)).ToArray();
        var target = new (object Key, T Item)[source.Length];
        for (int width = 1; width < source.Length; width *= 2)
        {
            for (int start = 0; start < source.Length; start += 2 * width)
            {
                (int left, int right) = (start, Math.Min(start + width, source.Length));
                (int leftEnd, int rightEnd) = (right, Math.Min(start + 2 * width, source.Length));
                for (int at = start; at < rightEnd; at++)
                {
                    state.Step();
                    bool takesRight = left == leftEnd || (right < rightEnd && (reverse
                        ? Compare(state, source[left].Key, source[right].Key) < 0
                        : Compare(state, source[right].Key, source[left].Key) < 0));
                    target[at] = takesRight ? source[right++] : source[left++];
                }
            }

            (source, target) = (target, source);
        }

        return [.. source.Select(p => p.Item)];
    }

    private static int? Compare(RenderState state, object x, object y, string symbol, int depth)
    {
        if (depth > TemplateLimits.ValueDepth)
        {
            throw new TemplateException($"a value is nested deeper than {TemplateLimits.ValueDepth}");
        }

        if (PythonTypes.TryText(x, out string? a) && PythonTypes.TryText(y, out string? b))
        {
            state.Scan(Math.Min(a.Length, b.Length));
            return CompareText(a, b);
        }

        if (PythonArithmetic.IsNumber(x) && PythonArithmetic.IsNumber(y))
        {
            return PythonArithmetic.Compare(x, y);
        }

        IReadOnlyList<object>? left = null, right = null;
        (left, right) = (x, y) switch
        {
            (List<object> l, List<object> r) => (l, r),
            (PyTuple l, PyTuple r) => (l.Items, r.Items),
            _ => (left, right),
        };
        if (left is null || right is null)
        {
            throw (x as Undefined ?? y as Undefined)?.Error() ?? new TemplateException(
                $"'{symbol}' not supported between instances of '{PythonTypes.Name(x)}' and '{PythonTypes.Name(y)}'");
        }

        for (int i = 0; i < left.Count && i < right.Count; i++)
        {
            state.Step();
            if (!AreEqual(state, left[i], right[i]))
            {
                return Compare(state, left[i], right[i], symbol, depth + 1);
            }
        }

        return left.Count.CompareTo(right.Count);
    }

    private static void Charge(RenderState state, object x, object y)
    {
        if (x is string a && y is string b)
        {
            state.Scan(Math.Min(a.Length, b.Length));
        }
        else if (x is List<object> or PyTuple or PyDict && y is List<object> or PyTuple or PyDict)
        {
            state.Step(ValueSize.Of(x) + ValueSize.Of(y));
        }
    }
}
