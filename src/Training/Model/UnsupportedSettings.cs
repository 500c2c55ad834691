using System.Text.Json;
using Rm.Formats.Json;
using Rm.Kernels.Ops;

namespace Rm.Training.Model;

/// <summary>Settings of config.json that would change the computation in a way that is not built: each is an error by its name.</summary>
internal static class UnsupportedSettings
{
    public static void Check(JsonFields fields, ModelFamily family, List<string> warnings)
    {
        CheckActivation(fields, family);
        // transformers 5 obeys these in models whose own code is causal; embedding models (gte-Qwen2) are published so.
        if (!fields.Bool("is_causal", true))
        {
            throw fields.Error("is_causal", "is false: every token attends to those after it too, which is not supported. " +
                "A reward model reads left to right; the checkpoint is an embedding model.");
        }

        if (fields.IsSet("use_bidirectional_attention"))
        {
            throw fields.Error("use_bidirectional_attention", "is set: attention in both directions is not supported.");
        }

        if (fields.IsSet("per_layer_config"))
        {
            throw fields.Error("per_layer_config", "is set: settings that differ between layers are not supported.");
        }

        foreach (string field in family.HasExperts ? [] : (string[])["num_local_experts", "num_experts"])
        {
            if (fields.IsSet(field)
                && !(fields.Find(field) is { ValueKind: JsonValueKind.Number } count && count.TryGetInt32(out int n) && n == 0))
            {
                throw fields.Error(field, "is set; mixtures of experts are not supported.");
            }
        }

        if (!family.AlwaysQkvBias && !family.AttentionBiasOption && fields.Bool("attention_bias", false))
        {
            throw fields.Error("attention_bias", $"is true, which {family} has no place for.");
        }

        if (!family.MlpBiasOption && fields.Bool("mlp_bias", false))
        {
            throw fields.Error("mlp_bias", $"is true, which {family} has no place for.");
        }

        if (fields.Int("pretraining_tp", 0, int.MaxValue, 1) > 1)
        {
            throw fields.Error("pretraining_tp", "is above 1; split linear layers are not supported " +
                "(set it to 1, the weights are the same).");
        }

        foreach (string dropout in (string[])["attention_dropout", "embd_pdrop", "resid_pdrop"])
        {
            if (fields.Double(dropout, 0, 1, 0) is > 0 and var p)
            {
                warnings.Add($"{dropout} = {p} is not applied: btrm trains without it.");
            }
        }

        if (fields.IsSet("auto_map"))
        {
            warnings.Add("auto_map names Python code that comes with the checkpoint: it is not run; the architecture's own code is used.");
        }
    }

    // Gemma's first checkpoints say "gelu" and were trained with the tanh form, which transformers computes for either name.
    private static void CheckActivation(JsonFields fields, ModelFamily family)
    {
        bool isGelu = family.Activation == GateActivation.GeluTanh;
        string activation = fields.OptionalString(family.ActivationField) ?? (isGelu ? "gelu_pytorch_tanh" : "silu");
        bool fits = isGelu
            ? activation == "gelu_pytorch_tanh" || (activation == "gelu" && family.ActivationField == "hidden_act")
            : activation is "silu" or "swish";
        if (!fits)
        {
            throw fields.Error(family.ActivationField,
                $"is \"{activation}\"; {family} is supported with {(isGelu ? "gelu_pytorch_tanh" : "silu")} alone.");
        }
    }
}
