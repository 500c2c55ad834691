using System.Text.Json;
using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>Settings of config.json that would change the computation in a way that is not built: each is an error by its name.</summary>
internal static class UnsupportedSettings
{
    public static void Check(JsonFields fields, ModelFamily family, int layers, int maxPositions, List<string> warnings)
    {
        var activation = fields.OptionalString("hidden_act") ?? "silu";
        if (activation is not ("silu" or "swish"))
        {
            throw fields.Error("hidden_act", $"is \"{activation}\"; only silu is supported.");
        }

        // Qwen2 has fixed biases and no such field; in the others it adds one to the output projection too.
        if (family != ModelFamily.Qwen2 && fields.Bool("attention_bias", false))
        {
            throw fields.Error("attention_bias", "is true; biases on all four attention projections are not supported.");
        }

        if (fields.Bool("mlp_bias", false))
        {
            throw fields.Error("mlp_bias", "is true; biases in the MLP are not supported.");
        }

        if (fields.IsSet("quantization_config"))
        {
            throw fields.Error("quantization_config", "is set: the weights are quantized. Use the unquantized checkpoint.");
        }

        if (fields.Int("pretraining_tp", 0, int.MaxValue, 1) > 1)
        {
            throw fields.Error("pretraining_tp", "is above 1; split linear layers are not supported " +
                "(set it to 1, the weights are the same).");
        }

        // transformers 5 obeys these in models whose own code is causal; embedding models (gte-Qwen2) are published so.
        if (!fields.Bool("is_causal", true))
        {
            throw fields.Error("is_causal", "is false: every token attends to those after it too, which is not supported. " +
                "A reward model reads left to right; the checkpoint is an embedding model.");
        }

        if (fields.Bool("use_bidirectional_attention", false))
        {
            throw fields.Error("use_bidirectional_attention", "is true: attention in both directions is not supported.");
        }

        if (fields.IsSet("per_layer_config"))
        {
            throw fields.Error("per_layer_config", "is set: settings that differ between layers are not supported.");
        }

        CheckSlidingWindow(fields, family, layers, maxPositions);
        if (fields.Double("attention_dropout", 0, 1, 0) is > 0 and var dropout)
        {
            warnings.Add($"attention_dropout = {dropout} is not applied: btrm trains without attention dropout.");
        }

        if (fields.IsSet("auto_map"))
        {
            warnings.Add("auto_map names Python code that comes with the checkpoint: it is not run; the architecture's own code is used.");
        }
    }

    // transformers: windowed layers are those that layer_types says, else those from max_window_layers on; only while use_sliding_window.
    private static void CheckSlidingWindow(JsonFields fields, ModelFamily family, int layers, int maxPositions)
    {
        if (fields.OptionalStrings("layer_types") is { } types)
        {
            // "attention" is the older name.
            if (types.FirstOrDefault(type => type is not ("full_attention" or "attention")) is { } other)
            {
                throw fields.Error("layer_types", $"holds \"{other}\"; only full_attention is supported.");
            }

            if (types.Count != layers)
            {
                throw fields.Error("layer_types", $"has {types.Count} entries for num_hidden_layers = {layers}.");
            }

            return;
        }

        if (family == ModelFamily.Llama || !fields.Bool("use_sliding_window", false)
            || fields.Element.TryGetProperty("sliding_window", out var value) && value.ValueKind == JsonValueKind.Null)
        {
            return;
        }

        var window = fields.Int("sliding_window", 1, int.MaxValue, 4096);
        if (window < maxPositions && fields.Int("max_window_layers", 0, int.MaxValue, 28) < layers)
        {
            throw fields.Error("use_sliding_window", $"is true with sliding_window = {window}; sliding-window attention is not supported.");
        }
    }
}
