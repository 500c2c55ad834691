using System.Text.Json;
using System.Text.Json.Serialization;

namespace Rm.Training.Evaluation;

/// <summary>A section of a benchmark.</summary>
/// <param name="Section">Its name.</param>
/// <param name="Subsets">
/// Its subsets and the weight of each: RewardBench's number of pairs, but 984 for the 447 of math-prm, as many as there are of code.
/// </param>
public sealed record BenchmarkSection(string Section, IReadOnlyDictionary<string, int> Subsets);

/// <summary>The sections of RewardBench, kept as data in <c>reward-bench-sections.json</c>.</summary>
public static class SectionTable
{
    private const string Resource = "reward-bench-sections.json";

    private static readonly Lazy<IReadOnlyList<BenchmarkSection>> Loaded = new(Load);

    /// <summary>The sections in their order.</summary>
    public static IReadOnlyList<BenchmarkSection> RewardBench => Loaded.Value;

    private static IReadOnlyList<BenchmarkSection> Load()
    {
        using Stream stream = typeof(SectionTable).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The program lacks its resource {Resource}.");
        return JsonSerializer.Deserialize(stream, SectionTableJson.Default.IReadOnlyListBenchmarkSection)!;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(IReadOnlyList<BenchmarkSection>))]
internal sealed partial class SectionTableJson : JsonSerializerContext;
