using System.Text;
using System.Text.Json;
using Rm.Formats;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

/// <summary>
/// config.json files of public repositories (tests/golden/configs): what is read is read as transformers reads it, which
/// make_configs_golden.py wrote down; everything else is refused with a message that names the model_type or the setting.
/// </summary>
public sealed class PublicConfigTests(ITestOutputHelper output)
{
    private static readonly string Folder = Path.Combine(TestPaths.Golden, "configs");

    // Families that transformers 5.12 does not know, or that other tests hold against a reference.
    private static readonly string[] Unrecorded = ["qwen3_5", "qwen3_moe", "qwen2_moe", "mixtral"];

    // Read by transformers, which passes over the setting or has a kernel for it; refused here by its name.
    private static readonly Dictionary<string, string> RefusedSettings = new(StringComparer.Ordinal)
    {
        ["mlc-llama2_13b"] = "pretraining_tp is above 1",
        ["mlc-ministral3_3b_2512"] = "architectures names Mistral3ForConditionalGeneration",
        ["ome-gte_qwen2_7b"] = "is_causal is false",
        ["ome-llama3_1_405b"] = "quant_method is \"fbgemm_fp8\"",
    };

    // Wrappers of a model_type that is not read, which leave their text_config to its defaults.
    private const string Missing = "is missing";

    [Fact]
    public void Public_configurations_are_read_as_transformers_reads_them_or_refused_by_name()
    {
        var expected = File.ReadLines(Path.Combine(Folder, "expected.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(e => e.GetProperty("name").GetString()!);
        List<string> faults = [];
        int read = 0, refused = 0;
        foreach (JsonElement line in File.ReadLines(Path.Combine(Folder, "configs.jsonl")).Select(l => JsonDocument.Parse(l).RootElement))
        {
            string name = line.GetProperty("name").GetString()!;
            JsonElement given = line.GetProperty("config");
            string type = given.TryGetProperty("model_type", out JsonElement told) ? told.GetString()! : "model_type";
            try
            {
                var config = ModelConfig.Parse(Encoding.UTF8.GetBytes(given.GetRawText()), $"{name}.json");
                read++;
                if (!expected.Remove(name, out JsonElement truth))
                {
                    faults.AddRange(Unrecorded.Contains(type) ? [] : [$"{name}: {type} is read, but transformers has no such model"]);
                    continue;
                }

                faults.AddRange(Differences(config, truth).Select(fault => $"{name}: {fault}"));
            }
            catch (UserInputException e)
            {
                refused++;
                bool isKnown = RefusedSettings.TryGetValue(name, out string? setting);
                faults.AddRange(expected.Remove(name) && !isKnown ? [$"{name}: refused, {e.Message}"] : []);
                faults.AddRange(new[] { setting ?? type, Missing }.Any(part => e.Message.Contains(part, StringComparison.Ordinal))
                    ? []
                    : [$"{name}: {setting ?? type} is not named in: {e.Message}"]);
                output.WriteLine($"{name}: {e.Message[(e.Message.IndexOf("json: ", StringComparison.Ordinal) + 6)..]}");
            }
        }

        output.WriteLine($"{read} read, {refused} refused");
        Assert.Empty(faults);
        Assert.Empty(expected.Keys);
        Assert.True(read >= 40 && refused >= 40, $"{read} read, {refused} refused");
    }

    private static IEnumerable<string> Differences(ModelConfig config, JsonElement truth)
    {
        foreach ((string name, double ours) in new (string, double)[]
        {
            ("layers", config.Layers), ("hidden", config.HiddenSize), ("vocabulary", config.VocabSize), ("heads", config.Heads),
            ("kv_heads", config.KvHeads), ("head_dim", config.HeadDim), ("intermediate", config.IntermediateSize),
            ("eps", config.RmsNormEps), ("qkv_bias", config.QkvBias ? 1 : 0), ("output_bias", config.OutputBias ? 1 : 0),
            ("mlp_bias", config.MlpBias ? 1 : 0), ("scale", config.AttentionScale), ("softcap", config.AttentionSoftcap),
        })
        {
            JsonElement value = truth.GetProperty(name);
            double theirs = value.ValueKind == JsonValueKind.Number ? value.GetDouble() : value.GetBoolean() ? 1 : 0;
            if (Math.Abs(ours - theirs) > 1e-6 * Math.Abs(theirs))
            {
                yield return $"{name} {ours}, not {theirs}";
            }
        }

        int[] windows = [.. truth.GetProperty("windows").EnumerateArray().Select(w => w.GetInt32())];
        if (!windows.SequenceEqual(Enumerable.Range(0, config.Layers).Select(config.WindowOf)))
        {
            string ours = string.Join(' ', Enumerable.Range(0, config.Layers).Select(config.WindowOf));
            yield return $"windows {ours}, not {string.Join(' ', windows)}";
        }

        for (int layer = 0; layer < config.Layers; layer++)
        {
            JsonElement rotations = truth.GetProperty("rotations");
            JsonElement rotation = rotations.TryGetProperty("", out JsonElement all) ? all
                : rotations.GetProperty(config.WindowOf(layer) > 0 ? "sliding_attention" : "full_attention");
            if (config.RopeOf(layer) is not { } rope)
            {
                continue;
            }

            double[] theirs = [.. rotation.GetProperty("inv_freq").EnumerateArray().Select(f => f.GetDouble())];
            float[] ours = RopeFrequencies.Compute(rope, config.HeadDim, config.MaxPositionEmbeddings, length: 1);
            if (ours.Length != theirs.Length || ours.Zip(theirs).Any(pair => Math.Abs(pair.First - pair.Second) > 2e-6 * pair.Second))
            {
                yield return $"layer {layer} has other frequencies";
            }

            double factor = rotation.GetProperty("factor").GetDouble();
            if (Math.Abs(rope.Scaling.AttentionFactor - factor) > 1e-6)
            {
                yield return $"layer {layer}: factor {rope.Scaling.AttentionFactor}, not {factor}";
            }
        }
    }
}
