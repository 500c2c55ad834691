using System.Text;
using Rm.Host.Serving.Json;

namespace Rm.Host.Tests.Serving;

/// <summary>JSON as Python reads it, with its positions of errors (checked against Python 3's json module).</summary>
public sealed class PythonJsonTests
{
    [Theory]
    [InlineData("{\"a\": ", "Expecting value", 6)]
    [InlineData("", "Expecting value", 0)]
    [InlineData("{\"a\" 1}", "Expecting ':' delimiter", 5)]
    [InlineData("{\"a\": 1 \"b\"}", "Expecting ',' delimiter", 8)]
    [InlineData("{a: 1}", "Expecting property name enclosed in double quotes", 1)]
    [InlineData("[1, 2", "Expecting ',' delimiter", 5)]
    [InlineData("[1 2]", "Expecting ',' delimiter", 3)]
    [InlineData("\"abc", "Unterminated string starting at", 0)]
    [InlineData("\"a\nb\"", "Invalid control character at", 2)]
    [InlineData("[\"a\\qb\"]", "Invalid \\escape", 3)]
    [InlineData("{} x", "Extra data", 3)]
    [InlineData("[\"🙂\"] x", "Extra data", 6)]
    [InlineData("01", "Extra data", 1)]
    [InlineData("1.", "Extra data", 1)]
    [InlineData("-", "Expecting value", 0)]
    [InlineData("tru", "Expecting value", 0)]
    public void Errors_have_Pythons_words_and_places(string text, string message, int position)
    {
        JsonDecodeException e = Assert.Throws<JsonDecodeException>(() => PythonJson.Parse(Encoding.UTF8.GetBytes(text)));
        Assert.Equal((message, position), (e.Message, e.Position));
    }

    [Fact]
    public void What_Python_takes_is_taken()
    {
        var map = (JsonMap)PythonJson.Parse(
            "\uFEFF {\"a\": NaN, \"b\": [1, 2.5, -0, 1e3, true, null, \"\\u00e9\\ud83d\\ude42\\n\"], \"a\": 7}"u8)!;
        Assert.Equal(7L, map["a"]);
        Assert.Equal([1L, 2.5, 0L, 1000.0, true, null, "é🙂\n"], (List<object?>)map["b"]!);
        Assert.True(PythonJson.HasLoneSurrogate((string)PythonJson.Parse("\"a\\ud800b\""u8)!));
        Assert.False(PythonJson.HasLoneSurrogate("a🙂b"));
        Assert.Throws<DecoderFallbackException>(() => PythonJson.Parse([(byte)'"', 0xFF, (byte)'"']));
        Assert.Throws<JsonDecodeException>(() => PythonJson.Parse(Encoding.UTF8.GetBytes(new string('[', 100_000))));
    }
}
