using System.Text.Json;
using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>
/// Which layers have a sliding window, a gated delta net, a mixture of experts, or rotate nothing: layer_types, no_rope_layers,
/// mlp_only_layers and the older fields that say the same.
/// </summary>
internal static class LayerKinds
{
    private const string Linear = "linear_attention";
    private const int MaxExperts = 1 << 16;

    /// <summary>Whether each layer leaves queries and keys unrotated; empty when the family always rotates.</summary>
    public static IReadOnlyList<bool> ReadUnrotated(JsonFields fields, ModelFamily family, int layers)
    {
        if (!family.HasUnrotatedLayers)
        {
            return [];
        }

        // 1 means that the layer rotates.
        if (fields.Find("no_rope_layers") is { } list)
        {
            int[] values = list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int n) ? n : -1)]
                : [-1];
            return values.Length == layers && values.All(v => v is 0 or 1)
                ? [.. values.Select(v => v == 0)]
                : throw fields.Wrong("no_rope_layers", list, $"a list of {layers} numbers, 1 for layers that rotate and 0 for the others");
        }

        int interval = fields.Int("no_rope_layer_interval", 1, int.MaxValue, 4);
        return [.. Enumerable.Range(0, layers).Select(layer => (layer + 1) % interval == 0)];
    }

    /// <summary>Whether each layer has a gated delta net; empty when the family has none.</summary>
    public static IReadOnlyList<bool> ReadDelta(JsonFields fields, ModelFamily family, int layers)
    {
        if (family.FullAttentionInterval == 0)
        {
            return [];
        }

        if (ReadLayerTypes(fields, family, layers) is { } types)
        {
            return [.. types.Select(type => type == Linear)];
        }

        int interval = fields.Int("full_attention_interval", 1, int.MaxValue, family.FullAttentionInterval);
        return [.. Enumerable.Range(0, layers).Select(layer => (layer + 1) % interval != 0)];
    }

    /// <summary>Whether each layer has a mixture of experts; empty when none has.</summary>
    public static IReadOnlyList<bool> ReadMixtures(JsonFields fields, ModelFamily family, int layers)
    {
        if (!family.HasExperts || ReadExpertCount(fields) == 0)
        {
            return [];
        }

        int step = fields.Int("decoder_sparse_step", 1, int.MaxValue, 1);
        int[] plain = [];
        if (fields.Find("mlp_only_layers") is { } list)
        {
            plain = list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out int n) ? n : -1)]
                : [-1];
            if (plain.Any(layer => layer < 0))
            {
                throw fields.Wrong("mlp_only_layers", list, "a list of layers");
            }
        }

        bool[] mixtures = [.. Enumerable.Range(0, layers).Select(layer => !plain.Contains(layer) && (layer + 1) % step == 0)];
        return mixtures.Contains(true) ? mixtures : [];
    }

    /// <summary>Experts of a layer, under either of the names that transformers has for it.</summary>
    public static int ReadExpertCount(JsonFields fields)
    {
        const string Name = "num_experts", OtherName = "num_local_experts";
        int? count = fields.OptionalInt(Name, 0, MaxExperts), other = fields.OptionalInt(OtherName, 0, MaxExperts);
        return count is null || other is null || count == other
            ? count ?? other ?? 128
            : throw fields.Error(Name, $"is {count}, but {OtherName} is {other}.");
    }

    /// <summary>The window, and whether each layer has it; empty for none.</summary>
    public static (int Window, IReadOnlyList<bool> Layers) ReadWindows(
        JsonFields fields, ModelFamily family, int layers, IReadOnlyList<bool> unrotated)
    {
        int window = ReadWindow(fields, family);
        bool[]? named = family.Windows is WindowRule.All or WindowRule.AllWhenUsed
            ? null
            : ReadLayerTypes(fields, family, layers)?.Select(type => type == "sliding_attention").ToArray();
        if (named is not null)
        {
            return !named.Contains(true)
                ? (0, [])
                : window > 0
                    ? (window, named)
                    : throw fields.Error("layer_types", "holds sliding_attention, but no sliding_window is set or in use.");
        }

        if (window == 0 || family.Windows == WindowRule.Never)
        {
            return (0, []);
        }

        int first = family.Windows == WindowRule.FromMaxWindowLayers ? fields.Int("max_window_layers", 0, int.MaxValue, 28) : 0;
        int pattern = family.WindowPatternField is { } field
            ? fields.Int(field, 1, int.MaxValue, family.WindowPattern)
            : family.WindowPattern;
        bool[] windowed =
        [
            .. Enumerable.Range(0, layers).Select(layer => family.Windows switch
            {
                WindowRule.FromMaxWindowLayers => layer >= first,
                WindowRule.Pattern => (layer + 1) % pattern != 0,
                WindowRule.Unrotated => unrotated[layer],
                _ => true,
            }),
        ];
        return windowed.Contains(true) ? (window, windowed) : (0, []);
    }

    private static int ReadWindow(JsonFields fields, ModelFamily family)
    {
        bool needsSwitch = family.Windows is WindowRule.AllWhenUsed or WindowRule.FromMaxWindowLayers or WindowRule.Unrotated;
        bool isNull = fields.Element.TryGetProperty("sliding_window", out JsonElement value) && value.ValueKind == JsonValueKind.Null;
        return isNull || family.Windows == WindowRule.Never || (needsSwitch && !fields.Bool("use_sliding_window", false))
            ? 0
            : fields.Int("sliding_window", 0, int.MaxValue, family.DefaultWindow);
    }

    // "attention" is the older name of full_attention.
    private static IReadOnlyList<string>? ReadLayerTypes(JsonFields fields, ModelFamily family, int layers)
    {
        if (fields.OptionalStrings("layer_types") is not { } types)
        {
            return null;
        }

        bool isHybrid = family.FullAttentionInterval > 0;
        string other = isHybrid ? Linear : "sliding_attention";
        if (types.FirstOrDefault(type => type is not ("full_attention" or "attention") && type != other) is { } unknown)
        {
            throw fields.Error("layer_types", $"holds \"{unknown}\"; supported are full_attention and {other}.");
        }

        return types.Count == layers
            ? types
            : throw fields.Error("layer_types", $"has {types.Count} entries for num_hidden_layers = {layers}.");
    }
}
