using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>Whether a value passes a test.</summary>
internal delegate bool TestBody(RenderState state, object value, CallArguments arguments);

/// <summary>Tests by name: what follows <c>is</c>, and what select and selectattr take.</summary>
internal static class TestTable
{
    private static readonly Dictionary<string, TestBody> Tests = new(StringComparer.Ordinal)
    {
        ["defined"] = Plain(v => v is not Undefined),
        ["undefined"] = Plain(v => v is Undefined),
        ["none"] = Plain(v => v is PyNone),
        ["boolean"] = Plain(v => v is bool),
        ["true"] = Plain(v => v is true),
        ["false"] = Plain(v => v is false),
        ["integer"] = Plain(v => v is long or BigInteger),
        ["float"] = Plain(v => v is double),
        ["number"] = Plain(PythonArithmetic.IsNumber),
        ["string"] = Plain(v => v is string or Markup),
        ["mapping"] = Plain(v => v is PyDict),
        ["sequence"] = Plain(v => v is string or Markup or List<object> or PyTuple or PyDict or PyRange or Undefined),
        ["callable"] = Plain(v => v is PyCallable or Undefined),
        ["escaped"] = Plain(v => v is Markup),
        ["iterable"] = (state, value, a) =>
        {
            a.Bind("iterable", 0);
            return PythonIteration.TryIterate(state, value) is not null;
        },
        ["lower"] = (state, value, a) => OfText(state, value, a, TextPredicates.IsLower),
        ["upper"] = (state, value, a) => OfText(state, value, a, TextPredicates.IsUpper),
        ["odd"] = (state, value, a) => IsParity(state, value, a, 1L),
        ["even"] = (state, value, a) => IsParity(state, value, a, 0L),
        ["divisibleby"] = (state, value, a) => PythonEquality.AreEqual(Remainder(state, value, Other(a)), 0L),
        ["sameas"] = (_, value, a) => IsSame(value, Other(a)),
        ["in"] = (state, value, a) => PythonIteration.Contains(state, Other(a), value),
        ["filter"] = (state, value, a) => NameOf(state, value, a) is { } name && FilterTable.Find(name) is not null,
        ["test"] = (state, value, a) => NameOf(state, value, a) is { } name && Find(name) is not null,
        ["=="] = Comparison("=="),
        ["eq"] = Comparison("=="),
        ["equalto"] = Comparison("=="),
        ["!="] = Comparison("!="),
        ["ne"] = Comparison("!="),
        [">"] = Comparison(">"),
        ["gt"] = Comparison(">"),
        ["greaterthan"] = Comparison(">"),
        [">="] = Comparison(">="),
        ["ge"] = Comparison(">="),
        ["<"] = Comparison("<"),
        ["lt"] = Comparison("<"),
        ["lessthan"] = Comparison("<"),
        ["<="] = Comparison("<="),
        ["le"] = Comparison("<="),
    };

    public static TestBody? Find(string name) => Tests.GetValueOrDefault(name);

    private static TestBody Plain(Func<object, bool> holds) => (_, value, arguments) =>
    {
        arguments.Bind("the test", 0);
        return holds(value);
    };

    private static TestBody Comparison(string symbol) => (state, value, arguments) =>
        PythonOperators.Holds(state, symbol, value, Other(arguments));

    private static string? NameOf(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("the test", 0);
        return PythonEquality.RequireHashable(state, value) as string;
    }

    private static object Other(CallArguments arguments) => arguments.Bind("the test", 1, "other")[0]!;

    private static object Remainder(RenderState state, object value, object divisor) =>
        PythonOperators.Binary(state, "%", value, divisor);

    private static bool IsParity(RenderState state, object value, CallArguments arguments, object remainder)
    {
        arguments.Bind("the test", 0);
        return PythonEquality.AreEqual(Remainder(state, value, 2L), remainder);
    }

    private static bool OfText(RenderState state, object value, CallArguments arguments, Func<string, bool> holds)
    {
        arguments.Bind("the test", 0);
        string text = PythonText.Str(state, value);
        state.Make(text.Length);
        return holds(text);
    }

    /// <summary>
    /// Python's <c>is</c>: one object. Numbers and texts have no identity here: they are the same when equal and of one type.
    /// </summary>
    private static bool IsSame(object x, object y) => ReferenceEquals(x, y)
        || (x.GetType() == y.GetType() && x is bool or long or double or string && x.Equals(y));
}
