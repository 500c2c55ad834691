using System.Text.Json;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Reads rows of {"text", "ids"} below the golden folder.</summary>
internal static class GoldenRows
{
    public static IEnumerable<(string Text, int[] Ids)> Read(string file) =>
        File.ReadLines(Path.Combine(TestPaths.Golden, file)).Select(line =>
        {
            using var row = JsonDocument.Parse(line);
            return (row.RootElement.GetProperty("text").GetString()!,
                row.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray());
        });

    public static void AssertIds(int[] expected, Tokenizer tokenizer, string text)
    {
        int[] found = tokenizer.Encode(text, addSpecialTokens: false);
        Assert.True(found.AsSpan().SequenceEqual(expected), Describe(tokenizer, text, expected, found));
    }

    private static string Describe(Tokenizer tokenizer, string text, int[] expected, int[] found)
    {
        int at = found.Zip(expected).TakeWhile(pair => pair.First == pair.Second).Count();
        string Show(int[] ids) =>
            string.Join(" | ", ids.Skip(Math.Max(0, at - 2)).Take(8).Select(id => $"{id} {tokenizer.TokenText(id)}"));
        string shown = JsonSerializer.Serialize(text[..Math.Min(200, text.Length)]);
        return $"{shown}\ndiffers at token {at}\nexpected {Show(expected)}\nfound    {Show(found)}";
    }
}
