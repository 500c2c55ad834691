using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>Rows of token ids as files hold them.</summary>
internal static class IdRows
{
    /// <summary>The pairs of a golden file, one row each.</summary>
    public static string FromGolden(JsonElement pairs) => Lines(pairs.EnumerateArray().Select(p => new JsonObject
    {
        ["chosen_ids"] = JsonNode.Parse(p.GetProperty("chosen").GetRawText()),
        ["rejected_ids"] = JsonNode.Parse(p.GetProperty("rejected").GetRawText()),
    }));

    /// <summary>The sides of the pairs of a golden file, each a row of its own: chosen, rejected, chosen, ...</summary>
    public static string SinglesFromGolden(JsonElement pairs) => Lines(pairs.EnumerateArray()
        .SelectMany(p => new[] { p.GetProperty("chosen"), p.GetProperty("rejected") })
        .Select(ids => new JsonObject { ["input_ids"] = JsonNode.Parse(ids.GetRawText()) }));

    /// <summary>Random pairs with a common prompt.</summary>
    public static string Random(int count, int vocabulary, int maxLength, int seed) =>
        Lines(RandomPairs(count, vocabulary, maxLength, seed));

    public static IEnumerable<JsonObject> RandomPairs(int count, int vocabulary, int maxLength, int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
        {
            int[] prompt = Ids(random.Next(maxLength / 2));
            yield return new JsonObject
            {
                ["id"] = i,
                ["chosen_ids"] = Array([.. prompt, .. Ids(random.Next(1, maxLength / 2))]),
                ["rejected_ids"] = Array([.. prompt, .. Ids(random.Next(1, maxLength / 2))]),
            };
        }

        int[] Ids(int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))];

        static JsonArray Array(int[] ids) => [.. ids.Select(id => (JsonNode)id)];
    }

    public static string Lines(IEnumerable<JsonObject> rows)
    {
        var text = new StringBuilder();
        foreach (JsonObject row in rows)
        {
            text.Append(row.ToJsonString()).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>The rows of a file, in order.</summary>
    public static JsonElement[] Read(string path) => [.. File.ReadAllLines(path).Select(line => JsonDocument.Parse(line).RootElement)];
}
