using System.Text.Json.Nodes;
using Rm.Host.Analysis;

namespace Rm.Host.Tests.Analysis;

/// <summary>Every figure of an analysis of real rewards, against figures that scipy and statsmodels computed from the same rows.</summary>
public sealed class AnalysisGoldenTests
{
    private const double Tolerance = 1e-6;
    private static readonly string[] Described = ["path", "state", "problem", "step", "settings", "notes", "left_out", "words", "verdict"];
    private static readonly string Folder = Path.Combine(TestPaths.Golden, "analysis");

    [Fact]
    public void All_figures_match_those_of_an_independent_script()
    {
        var report = AnalysisReport.Of(RunFinder.Read([Folder, Path.Combine(Folder, "coarse.jsonl")]));
        JsonNode expected = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "expected.json")))!;
        JsonNode actual = JsonNode.Parse(AnalysisJson.Write(report))!;
        foreach (JsonObject run in actual["runs"]!.AsArray().Select(r => r!.AsObject()))
        {
            run["name"] = run["name"]!.GetValue<string>().Replace(".jsonl", "", StringComparison.Ordinal);
        }

        foreach (JsonObject item in actual["comparisons"]!["items"]!.AsArray().Select(r => r!.AsObject()))
        {
            item["run"] = item["run"]!.GetValue<string>().Replace(".jsonl", "", StringComparison.Ordinal);
        }

        int figures = Compare("runs", expected["runs"], actual["runs"])
            + Compare("comparisons", expected["comparisons"], actual["comparisons"]);
        Assert.True(figures > 1500, $"only {figures} figures compared");
    }

    [Fact]
    public void The_comparer_finds_a_figure_that_is_off_missing_or_too_many()
    {
        JsonNode Parse(string json) => JsonNode.Parse(json)!;
        Assert.Equal(2, Compare("", Parse("""{"a":[1,0.5]}"""), Parse("""{"a":[1.0000005,0.5],"path":3}""")));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Compare("", Parse("""{"a":1}"""), Parse("""{"a":1.00001}""")));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Compare("", Parse("""{"a":1}"""), Parse("""{"a":null}""")));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Compare("", Parse("""{"a":1}"""), Parse("""{"a":1,"b":2}""")));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Compare("", Parse("""[1]"""), Parse("""[1,2]""")));
    }

    // Both ways: what either has, the other has too, texts that only describe aside.
    private static int Compare(string place, JsonNode? expected, JsonNode? actual)
    {
        switch (expected)
        {
            case JsonObject fields:
                JsonObject own = Assert.IsType<JsonObject>(actual);
                Assert.Equal(fields.Select(f => f.Key).Order(), own.Select(f => f.Key).Except(Described).Order());
                return fields.Sum(f => Compare($"{place}.{f.Key}", f.Value, own[f.Key]));
            case JsonArray items:
                JsonArray others = Assert.IsType<JsonArray>(actual);
                Assert.True(items.Count == others.Count, $"{place}: {others.Count} items instead of {items.Count}");
                return items.Select((item, i) => Compare($"{place}[{i}]", item, others[i])).Sum();
            case JsonValue value when value.TryGetValue(out double number):
                Assert.True(actual is JsonValue, $"{place} is missing");
                double found = actual!.GetValue<double>();
                Assert.True(Math.Abs(found - number) <= Tolerance, $"{place}: {found:R} instead of {number:R}");
                return 1;
            default:
                Assert.True(expected?.ToJsonString() == actual?.ToJsonString(),
                    $"{place}: {actual?.ToJsonString()} instead of {expected?.ToJsonString()}");
                return 0;
        }
    }
}
