namespace Rm.Training.Model;

/// <summary>Which low-rank factors a model trains, in PEFT's terms.</summary>
/// <param name="Rank">r.</param>
/// <param name="Alpha">lora_alpha.</param>
/// <param name="TargetModules">Adapted modules.</param>
/// <param name="UseRslora">Scale alpha / sqrt(r) instead of alpha / r.</param>
/// <param name="Dropout">Dropout probability of x before A.</param>
/// <param name="ModulesToSave">Further modules that are trained and saved whole, matched by the end of their name; the head is always one.</param>
public sealed record LoraSettings(
    int Rank, double Alpha, IReadOnlyList<LinearModule> TargetModules, bool UseRslora = false, double Dropout = 0,
    IReadOnlyList<string>? ModulesToSave = null)
{
    /// <summary>Factor on the low-rank product.</summary>
    public double Scale => UseRslora ? Alpha / Math.Sqrt(Rank) : Alpha / Rank;

    /// <summary>Whether a module is adapted.</summary>
    public bool Targets(LinearModule module) => TargetModules.Contains(module);
}
