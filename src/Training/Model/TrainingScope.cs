namespace Rm.Training.Model;

/// <summary>What is trained beside the head: LoRA factors, whole modules by name, or everything.</summary>
/// <param name="Lora">Low-rank factors, or null.</param>
/// <param name="TrainsEverything">Full fine-tuning.</param>
public sealed record TrainingScope(LoraSettings? Lora, bool TrainsEverything)
{
    /// <summary>Scoring with a plain model: nothing but the head has a place in the parameter buffer.</summary>
    public static TrainingScope HeadOnly { get; } = new(null, false);

    /// <summary>Full fine-tuning.</summary>
    public static TrainingScope Full { get; } = new(null, true);

    /// <summary>
    /// Whether a norm or the embedding is trained, by the name of its weight; PEFT matches modules_to_save by the end of the module's path.
    /// </summary>
    public bool Trains(string weightName)
    {
        string module = weightName[..weightName.LastIndexOf('.')];
        return TrainsEverything || (Lora?.ModulesToSave?.Any(m => module.EndsWith(m, StringComparison.Ordinal)) ?? false);
    }
}
