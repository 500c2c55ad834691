using System.Text.Json.Nodes;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Cli;

/// <summary>A small dataset folder as the training guide's command names one: train and test splits in the columns of SHP.</summary>
internal static class ShpFolder
{
    private static readonly string[] Words =
        ["bread", "oven", "warm", "flour", "water", "salt", "slow", "quick", "good", "bad", "rise", "crust"];

    public static string Write(ScratchFolder scratch, int train = 24, int test = 12)
    {
        scratch.Write("shp/train.jsonl", Rows(train, 1));
        scratch.Write("shp/test.jsonl", Rows(test, 2));
        return scratch["shp"];
    }

    private static string Rows(int count, int seed)
    {
        var random = new Random(seed);
        return IdRows.Lines(Enumerable.Range(0, count).Select(i => new JsonObject
        {
            ["history"] = $"How do I bake {Text(3)}?",
            ["human_ref_A"] = Text(random.Next(2, 9)),
            ["human_ref_B"] = Text(random.Next(2, 9)),
            ["labels"] = i % 2,
            ["score_ratio"] = 1 + (i % 5),
            ["domain"] = i % 3 == 0 ? "askbaking" : "askculinary",
        }));

        string Text(int words) => string.Join(' ', Enumerable.Range(0, words).Select(_ => Words[random.Next(Words.Length)]));
    }
}
