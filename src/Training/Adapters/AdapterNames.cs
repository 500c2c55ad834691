using Rm.Training.Model;

namespace Rm.Training.Adapters;

/// <summary>Names of an adapter's tensors in PEFT's layout, and their other spellings.</summary>
public static class AdapterNames
{
    private const string Prefix = "base_model.model.";

    private static readonly string[] VectorNames = [".lora_magnitude_vector", ".lora_embedding_A", ".lora_embedding_B"];

    /// <summary>A of a module, [r, in].</summary>
    public static string LoraA(int layer, LinearModule module) => $"{Prefix}{WeightNames.Path(layer, module)}.lora_A.weight";

    /// <summary>B of a module, [out, r].</summary>
    public static string LoraB(int layer, LinearModule module) => $"{Prefix}{WeightNames.Path(layer, module)}.lora_B.weight";

    /// <summary>DoRA's magnitudes of a module, [out].</summary>
    public static string Magnitude(int layer, LinearModule module) => $"{Prefix}{WeightNames.Path(layer, module)}.lora_magnitude_vector";

    /// <summary>Bias of B, [out].</summary>
    public static string FactorBias(int layer, LinearModule module) => $"{Prefix}{WeightNames.Path(layer, module)}.lora_B.bias";

    /// <summary>A parameter stored whole: the name of <see cref="WeightNames.Score"/> or of a norm.</summary>
    public static string Saved(string weightName) => Prefix + weightName;

    /// <summary>
    /// The name as PEFT saves it. Other spellings: without the prefix; with the adapter's name ("lora_A.default.weight",
    /// "modules_to_save.default."), as in a raw state dict; of a bare model, without "model.".
    /// </summary>
    internal static string Normalize(string name)
    {
        string path = name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
        path = path
            .Replace(".modules_to_save.default.", ".", StringComparison.Ordinal)
            .Replace(".modules_to_save.", ".", StringComparison.Ordinal)
            .Replace(".lora_A.default.", ".lora_A.", StringComparison.Ordinal)
            .Replace(".lora_B.default.", ".lora_B.", StringComparison.Ordinal)
            .Replace(".base_layer.", ".", StringComparison.Ordinal)
            .Replace(".token_adapter.trainable_tokens_delta.default", ".token_adapter.trainable_tokens_delta", StringComparison.Ordinal);
        foreach (string part in VectorNames)
        {
            // Without ".weight", as newer PEFT has it, and without the adapter's name.
            int at = path.IndexOf(part, StringComparison.Ordinal);
            path = at >= 0 ? path[..(at + part.Length)] : path;
        }

        // Of an adapter on a multimodal model.
        path = path.Replace("model.language_model.", "model.", StringComparison.Ordinal);
        if (path.StartsWith("layers.", StringComparison.Ordinal) || path.StartsWith("embed_tokens.", StringComparison.Ordinal)
            || path == "norm.weight")
        {
            path = "model." + path;
        }

        return Prefix + path;
    }
}
