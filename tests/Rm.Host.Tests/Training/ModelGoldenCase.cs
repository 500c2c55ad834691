using System.Text.Json;
using Rm.Formats.Rendering;
using Rm.Formats.Safetensors;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>
/// One folder of tests/golden/models: further families, adapters and bases by transformers 5.24 and PEFT 0.21 in float32. Figures must be
/// within 1e-4 of the golden ones, relative to the value or, for rewards near zero, to 0.1.
/// </summary>
internal sealed class ModelGoldenCase
{
    private const double Tolerance = 1e-4;

    public ModelGoldenCase(string name)
        : this(name, Path.Combine(TestPaths.Golden, "models", name))
    {
    }

    private ModelGoldenCase(string name, string folder)
    {
        Name = name;
        Folder = folder;
        Expected = Json("expected.json");
        Pairs = GoldenCase.ReadPairs(Json("batch.json").GetProperty("pairs"));
    }

    public string Name { get; }

    public string Folder { get; }

    public JsonElement Expected { get; }

    public IReadOnlyList<PreferencePair> Pairs { get; }

    public string ModelPath => Path.Combine(Folder, "model");

    public string AdapterPath => Path.Combine(Folder, "adapter");

    /// <summary>A case that lies elsewhere.</summary>
    public static ModelGoldenCase Of(string folder) => new(Path.GetFileName(folder), folder);

    /// <summary>Folders whose names begin so, without those that are refused.</summary>
    public static IEnumerable<string> Names(Func<string, bool> which) =>
        Directory.GetDirectories(Path.Combine(TestPaths.Golden, "models")).Select(d => Path.GetFileName(d)!).Where(which)
            .Order(StringComparer.Ordinal);

    public JsonElement Json(string file) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, file))).RootElement;

    /// <summary>Steps of the training run in float64, or none where float32 has not been found to stray.</summary>
    public JsonElement[] ExactSteps() => File.Exists(Path.Combine(Folder, "trajectory.float64.json"))
        ? [.. Json("trajectory.float64.json").GetProperty("log").EnumerateArray()]
        : [];

    /// <summary>The model, with an adapter folder of the case or wholly trained.</summary>
    public RewardModel Open(IBackend backend, string? adapter, bool training, Recompute recompute = Recompute.None)
    {
        var source = ModelSource.Open(ModelPath);
        if (adapter is null)
        {
            return source.Load(backend, TrainingScope.Full, training, recompute);
        }

        string folder = Path.Combine(Folder, adapter);
        RewardModel model = source.Load(backend, LoraScope.Of(folder, source.Config, out _), training, recompute);
        ModelFolder.Load(folder, model);
        return model;
    }

    public static PairLossOptions Options(JsonElement variant) =>
        new(Number(variant, "beta", 1), Number(variant, "eps", 0), Number(variant, "score_reg", 0), Number(variant, "margin_reg", 0));

    public static PairLossOptions All { get; } = new(0.5f, 0.05f, 0.1f, 0.01f);

    public MicroBatchResult Step(RewardModel model, PairLossOptions options, bool sharePrefix)
    {
        model.Parameters.ZeroGradients();
        return model.Train(PairPacking.Pack(Pairs, sharePrefix), new PairTargets(null, null), options, 1f / Pairs.Count, dropoutSeed: 0);
    }

    public static void AssertRewards(JsonElement expected, IReadOnlyList<float> rewards, string what)
    {
        for (int i = 0; i < rewards.Count; i++)
        {
            AssertClose(
                expected.GetProperty(i % 2 == 0 ? "chosen" : "rejected")[i / 2].GetDouble(), rewards[i], 0.1, $"{what}: reward {i}");
        }
    }

    public static void AssertClose(double expected, double actual, double floor, string what) => Assert.True(
        Math.Abs(expected - actual) <= Tolerance * Math.Max(Math.Abs(expected), floor), $"{what}: expected {expected:R}, got {actual:R}");

    /// <summary>Every parameter's gradient beside the golden file's, each as one tensor.</summary>
    public void AssertGradients(RewardModel model, string file)
    {
        using var golden = SafetensorsFile.Open(Path.Combine(Folder, file));
        var places = Places(golden).ToDictionary(p => p.Name, StringComparer.Ordinal);
        Assert.Equal(places.Keys.Order(StringComparer.Ordinal),
            model.Parameters.All.Select(p => GoldenName(model, p)).Order(StringComparer.Ordinal));
        foreach (Parameter parameter in model.Parameters.All)
        {
            float[] gradient = parameter.ToFile(model.Parameters.Read(model.Parameters.Gradients, parameter));
            float[] expected = new float[gradient.Length];
            (string _, string tensor, long start) = places[GoldenName(model, parameter)];
            golden.ReadFloat32(tensor, expected, start);
            if (!IsClose(gradient, expected) && Exact(GoldenName(model, parameter)) is { } exact)
            {
                expected = exact;
            }

            AssertTensor(parameter.Name, gradient, expected);
        }
    }

    // Every tensor, those of experts one by one, where transformers holds a layer's experts in two.
    private static IEnumerable<(string Name, string Tensor, long Start)> Places(SafetensorsFile golden)
    {
        foreach ((string name, SafetensorsTensor tensor) in golden.Tensors)
        {
            string path = name[..(name.LastIndexOf('.') + 1)], last = name[path.Length..];
            string[] modules = !path.EndsWith(".experts.", StringComparison.Ordinal) ? []
                : last == "gate_up_proj" ? ["gate_proj", "up_proj"] : ["down_proj"];
            long size = tensor.ElementCount / (modules.Length == 0 ? 1 : tensor.Shape[0] * modules.Length);
            for (int i = 0; i < tensor.ElementCount / size; i++)
            {
                yield return (
                    modules.Length == 0 ? name : $"{path}{i / modules.Length}.{modules[i % modules.Length]}.weight", name, i * size);
            }
        }
    }

    // A gradient that is a small difference of large terms: the golden float32 run strays itself, and float64 says by how much.
    private float[]? Exact(string name)
    {
        string path = Path.Combine(Folder, "grads.float64.safetensors");
        if (!File.Exists(path))
        {
            return null;
        }

        using var file = SafetensorsFile.Open(path);
        if (!file.Tensors.ContainsKey(name))
        {
            return null;
        }

        float[] values = new float[file.Tensor(name).ElementCount];
        file.ReadFloat32(name, values);
        return values;
    }

    private static bool IsClose(float[] actual, float[] expected) =>
        Math.Sqrt(actual.Zip(expected, (a, b) => Math.Pow((double)a - b, 2)).Sum())
            <= Tolerance * Math.Max(Math.Sqrt(expected.Sum(g => (double)g * g)), 1e-6);

    public static void AssertTensor(string name, float[] actual, float[] expected)
    {
        double difference = Math.Sqrt(actual.Zip(expected, (a, b) => Math.Pow((double)a - b, 2)).Sum());
        double norm = Math.Sqrt(expected.Sum(g => (double)g * g));
        Assert.True(difference <= Tolerance * Math.Max(norm, 1e-6), $"{name}: differs by {difference / norm:E2} relative");
    }

    /// <summary>A parameter's name in the golden files: transformers' own, or as PEFT's named_parameters has it.</summary>
    public static string GoldenName(RewardModel model, Parameter parameter)
    {
        if (model.Scope.Lora is not { } lora)
        {
            return parameter.Name;
        }

        const string Prefix = "base_model.model.";
        if (parameter.Kind == ParameterKind.Head)
        {
            return Prefix + "score.modules_to_save.default.weight";
        }

        if (parameter.Name == WeightNames.Embedding)
        {
            return Prefix + "model.embed_tokens.modules_to_save.default.weight";
        }

        if (parameter.Name.EndsWith("_proj.bias", StringComparison.Ordinal))
        {
            string[] parts = parameter.Name.Split('.');
            bool adapted = lora.Of(int.Parse(parts[2]), WeightNames.ParseModule(parts[^2])!.Value) is not null;
            return Prefix + (adapted ? parameter.Name.Replace(".bias", ".base_layer.bias") : parameter.Name);
        }

        string name = parameter.Name.Replace(".lora_A.", ".lora_A.default.").Replace(".lora_B.", ".lora_B.default.");
        return Prefix + name + (name.EndsWith("magnitude_vector", StringComparison.Ordinal) ? ".default.weight"
            : parameter.Kind == ParameterKind.EmbeddingFactor || name == WeightNames.TrainedTokens ? ".default" : "");
    }

    private static float Number(JsonElement variant, string name, float otherwise) =>
        variant.TryGetProperty(name, out JsonElement value) ? value.GetSingle() : otherwise;
}
