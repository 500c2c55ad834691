namespace Rm.Formats.Safetensors;

/// <summary>Names of the two files of a LoRA adapter, as PEFT writes them.</summary>
internal static class AdapterFiles
{
    /// <summary>Rank, scale, target modules and base model.</summary>
    public const string Config = "adapter_config.json";

    /// <summary>Factors, head and whatever else was trained.</summary>
    public const string Weights = "adapter_model.safetensors";
}
