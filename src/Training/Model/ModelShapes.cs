using Rm.Formats;

namespace Rm.Training.Model;

/// <summary>
/// Shapes of known models by name, for random-weight runs, benchmarks and planning. From the models' published config.json.
/// </summary>
public static class ModelShapes
{
    private static readonly Dictionary<string, ModelConfig> Shapes = new(StringComparer.Ordinal)
    {
        ["tiny"] = Qwen2(4096, 192, 6, 6, 2, 512, tied: true, maxPositions: 2048) with { RopeTheta = 10000 },
        ["smollm2-135m"] = Llama(49152, 576, 30, 9, 3, 1536, 100_000, RopeScaling.None, tied: true, 8192) with
        {
            InitializerRange = 1.0 / 24,
        },
        ["qwen2.5-0.5b"] = Qwen2(151936, 896, 24, 14, 2, 4864, tied: true),
        ["qwen2.5-1.5b"] = Qwen2(151936, 1536, 28, 12, 2, 8960, tied: true),
        ["qwen2.5-3b"] = Qwen2(151936, 2048, 36, 16, 2, 11008, tied: true),
        ["qwen2.5-7b"] = Qwen2(152064, 3584, 28, 28, 4, 18944, tied: false),
        ["llama3.2-1b"] = Llama(128256, 2048, 16, 32, 8, 8192, 500_000, Llama3Scaling(32), tied: true, 131072),
        ["llama3.1-8b"] = Llama(128256, 4096, 32, 32, 8, 14336, 500_000, Llama3Scaling(8), tied: false, 131072),
        ["qwen3-0.6b"] = Qwen3(151936, 1024, 28, 16, 8, 3072),
        ["qwen3-4b"] = Qwen3(151936, 2560, 36, 32, 8, 9728),
    };

    /// <summary>The names, in order of family and size.</summary>
    public static IReadOnlyCollection<string> Names => Shapes.Keys;

    /// <summary>The shape of that name; a <see cref="UserInputException"/> lists the names when there is none.</summary>
    public static ModelConfig Get(string name) =>
        Shapes.TryGetValue(name.Replace("llama-3", "llama3", StringComparison.Ordinal), out ModelConfig? shape)
        ? shape
        : throw new UserInputException($"There is no model shape \"{name}\"; there are {string.Join(", ", Names)}.");

    private static ModelConfig Qwen2(
        int vocab, int hidden, int layers, int heads, int kvHeads, int intermediate, bool tied, int maxPositions = 32768) => new(
        ModelFamily.Qwen2, vocab, hidden, layers, heads, kvHeads, hidden / heads, intermediate, 1e-6f, 1_000_000, RopeScaling.None,
        tied, 0.02, maxPositions);

    private static ModelConfig Llama(
        int vocab, int hidden, int layers, int heads, int kvHeads, int intermediate, double theta, RopeScaling scaling, bool tied,
        int maxPositions) => new(
        ModelFamily.Llama, vocab, hidden, layers, heads, kvHeads, hidden / heads, intermediate, 1e-5f, theta, scaling, tied,
        0.02, maxPositions);

    private static ModelConfig Qwen3(int vocab, int hidden, int layers, int heads, int kvHeads, int intermediate) => new(
        ModelFamily.Qwen3, vocab, hidden, layers, heads, kvHeads, HeadDim: 128, intermediate, 1e-6f, 1_000_000, RopeScaling.None,
        TieWordEmbeddings: true, 0.02, MaxPositionEmbeddings: 40960);

    private static RopeScaling Llama3Scaling(double factor) => new(RopeScalingKind.Llama3, factor, 1, 4, 8192);
}
