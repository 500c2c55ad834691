using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's slices of strings, lists, tuples and ranges.</summary>
internal static class PythonSlice
{
    /// <summary>The value of <c>target[start:stop:step]</c>; absent bounds are null.</summary>
    public static object Get(RenderState state, object target, object? start, object? stop, object? step)
    {
        if (target is Undefined undefined)
        {
            throw undefined.Error();
        }

        long stride = Bound(step) ?? 1;
        if (stride == 0)
        {
            throw new TemplateException("slice step cannot be zero");
        }

        (long? first, long? last) = (Bound(start), Bound(stop));
        switch (target)
        {
            case List<object> list:
                return Pick(state, list.Count, first, last, stride).Select(i => list[i]).ToList();
            case PyTuple tuple:
                return new PyTuple([.. Pick(state, tuple.Items.Length, first, last, stride).Select(i => tuple.Items[i])]);
            case PyRange range:
                (long from, long to) = Clip(range.Length, first, last, stride);
                return new PyRange(range.Start + from * range.Step, range.Start + to * range.Step, range.Step * stride);
        }

        if (!PythonTypes.TryText(target, out string? text))
        {
            throw new TemplateException($"'{PythonTypes.Name(target)}' object cannot be sliced");
        }

        string sliced = SliceText(state, text, first, last, stride);
        return target is Markup ? new Markup(sliced) : sliced;
    }

    private static string SliceText(RenderState state, string text, long? first, long? last, long stride)
    {
        state.Scan(text.Length);
        if (stride == 1)
        {
            (long from, long to) = Clip(CodePoints.Count(text), first, last, stride);
            if (from >= to)
            {
                return "";
            }

            int offset = CodePoints.Offset(text, (int)from);
            int end = CodePoints.Offset(text, (int)to);
            state.Make(end - offset);
            return text[offset..end];
        }

        state.Make(text.Length * 3L);
        int[] points = CodePoints.ToArray(text);
        var result = new StringBuilder();
        foreach (int i in Indices(points.Length, first, last, stride))
        {
            result.AppendPoint(points[i]);
        }

        return result.ToString();
    }

    private static IEnumerable<int> Pick(RenderState state, int count, long? first, long? last, long stride)
    {
        foreach (int i in Indices(count, first, last, stride))
        {
            state.Step();
            yield return i;
        }
    }

    private static IEnumerable<int> Indices(int count, long? first, long? last, long stride)
    {
        (long from, long to) = Clip(count, first, last, stride);
        for (long i = from; stride > 0 ? i < to : i > to; i += stride)
        {
            yield return (int)i;
        }
    }

    /// <summary>The bounds within <paramref name="count"/> items; the second is exclusive, and -1 where a negative step runs out.</summary>
    private static (long From, long To) Clip(int count, long? first, long? last, long stride)
    {
        long Place(long? bound, long absent)
        {
            if (bound is not { } value)
            {
                return absent;
            }

            value = value < 0 ? value + count : value;
            return stride > 0 ? Math.Clamp(value, 0, count) : Math.Clamp(value, -1, count - 1);
        }

        return stride > 0 ? (Place(first, 0), Place(last, count)) : (Place(first, count - 1), Place(last, -1));
    }

    /// <summary>Bounds saturate at 32 bits, far beyond any length here.</summary>
    private static long? Bound(object? value) =>
        value is null or PyNone ? null : PythonTypes.RequireInt(value, "a slice bound");
}
