using System.Text.Json;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Parquet;

/// <summary>Compares JSON values exactly, apart from how a number is written.</summary>
internal static class JsonEquality
{
    // Digits that a double can tell apart; longer numbers must agree digit for digit.
    private const int DoubleDigits = 17;

    public static void AssertEqual(DataRow expected, DataRow actual, string place)
    {
        Assert.Equal(expected.ColumnNames, actual.ColumnNames);
        foreach ((string name, JsonElement value) in expected.Columns)
        {
            AssertEqual(value, actual.Columns[name], $"{place}, {name}");
        }
    }

    private static void AssertEqual(JsonElement expected, JsonElement actual, string place)
    {
        Assert.True(expected.ValueKind == actual.ValueKind, $"{place}: {expected} and {actual}");
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                JsonProperty[] wanted = [.. expected.EnumerateObject()];
                JsonProperty[] found = [.. actual.EnumerateObject()];
                Assert.True(
                    wanted.Select(entry => entry.Name).SequenceEqual(found.Select(entry => entry.Name)),
                    $"{place}: {expected} and {actual}");
                for (int i = 0; i < wanted.Length; i++)
                {
                    AssertEqual(wanted[i].Value, found[i].Value, $"{place}.{wanted[i].Name}");
                }

                break;
            case JsonValueKind.Array:
                Assert.True(expected.GetArrayLength() == actual.GetArrayLength(), $"{place}: {expected} and {actual}");
                for (int i = 0; i < expected.GetArrayLength(); i++)
                {
                    AssertEqual(expected[i], actual[i], $"{place}[{i}]");
                }

                break;
            case JsonValueKind.String:
                Assert.True(expected.GetString() == actual.GetString(), $"{place}: {expected} and {actual}");
                break;
            case JsonValueKind.Number:
                Assert.True(SameNumber(expected.GetRawText(), actual.GetRawText()), $"{place}: {expected} and {actual}");
                break;
        }
    }

    private static bool SameNumber(string expected, string actual)
    {
        bool isReal = expected.AsSpan().IndexOfAny('.', 'e', 'E') >= 0;
        return expected == actual
            || (isReal && expected.Count(char.IsAsciiDigit) <= DoubleDigits + 2 && double.Parse(expected) == double.Parse(actual));
    }
}
