using System.Text.Json;
using Rm.Formats.Rendering;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>One folder of tests/golden/cases: what Hugging Face transformers and PEFT computed in float32.</summary>
internal sealed class GoldenCase
{
    public GoldenCase(string name)
    {
        Folder = Path.Combine(TestPaths.Golden, "cases", name);
        Expected = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "expected.json"))).RootElement;
        ExpectedFloat64 = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "expected.float64.json"))).RootElement;
        Pairs = ReadPairs(JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "batch.json"))).RootElement.GetProperty("pairs"));
        string trajectory = Path.Combine(Folder, "trajectory.json");
        Trajectory = File.Exists(trajectory) ? JsonDocument.Parse(File.ReadAllBytes(trajectory)).RootElement : null;
    }

    public static TheoryData<string> Names =>
        [.. Directory.GetDirectories(Path.Combine(TestPaths.Golden, "cases")).Select(d => Path.GetFileName(d)!)
            .Order(StringComparer.Ordinal)];

    public static TheoryData<string> NamesWithTrajectory =>
        [.. Directory.GetDirectories(Path.Combine(TestPaths.Golden, "cases")).Where(d => File.Exists(Path.Combine(d, "trajectory.json")))
            .Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    public string Folder { get; }

    public string ModelFolderPath => Path.Combine(Folder, "model");

    public string? AdapterPath => Directory.Exists(Path.Combine(Folder, "adapter")) ? Path.Combine(Folder, "adapter") : null;

    public JsonElement Expected { get; }

    public JsonElement ExpectedFloat64 { get; }

    public JsonElement? Trajectory { get; }

    public IReadOnlyList<PreferencePair> Pairs { get; }

    public static IReadOnlyList<PreferencePair> ReadPairs(JsonElement pairs) =>
        [.. pairs.EnumerateArray().Select((p, i) => PreferencePair.FromIds(Ids(p, "chosen"), Ids(p, "rejected"), i))];

    public static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(v => v.GetSingle())];

    /// <summary>The model with its adapter, as the golden script had it.</summary>
    public RewardModel Open(IBackend backend, bool training, Recompute recompute = Recompute.None)
    {
        var config = ModelConfig.Load(ModelFolderPath);
        using var weights = CheckpointWeights.Open(ModelFolderPath, config);
        TrainingScope scope = AdapterPath is null ? TrainingScope.Full : LoraScope.Of(AdapterPath, config, out _);
        var model = new RewardModel(backend, config, new CheckpointWeightSource(weights), scope, training, recompute);
        if (AdapterPath is not null)
        {
            ModelFolder.Load(AdapterPath, model);
        }

        return model;
    }

    /// <summary>A parameter's name in the golden files, as PEFT's named_parameters has it.</summary>
    public string GoldenName(Parameter parameter) => AdapterPath is null
        ? parameter.Name
        : "base_model.model." + (parameter.Kind == ParameterKind.Head
            ? "score.modules_to_save.default.weight"
            : parameter.Name.Replace(".lora_A.", ".lora_A.default.", StringComparison.Ordinal)
                .Replace(".lora_B.", ".lora_B.default.", StringComparison.Ordinal));

    private static int[] Ids(JsonElement pair, string side) => [.. pair.GetProperty(side).EnumerateArray().Select(v => v.GetInt32())];
}
