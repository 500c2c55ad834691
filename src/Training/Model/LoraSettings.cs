namespace Rm.Training.Model;

/// <summary>Which low-rank factors a model trains, in PEFT's terms.</summary>
/// <param name="Rank">r.</param>
/// <param name="Alpha">lora_alpha.</param>
/// <param name="TargetModules">Adapted modules, in every layer unless <see cref="Exact"/> says which.</param>
/// <param name="UseRslora">Scale alpha / sqrt(r) instead of alpha / r.</param>
/// <param name="Dropout">Dropout probability of x before A.</param>
/// <param name="ModulesToSave">
/// Further modules that are trained and saved whole, matched by the end of their name; the head is always one.
/// </param>
public sealed record LoraSettings(
    int Rank, double Alpha, IReadOnlyList<LinearModule> TargetModules, bool UseRslora = false, double Dropout = 0,
    IReadOnlyList<string>? ModulesToSave = null)
{
    /// <summary>Factor on the low-rank product.</summary>
    public double Scale => ScaleOf(new LoraSize(Rank, Alpha));

    /// <summary>The adapted modules of each layer with their own rank and alpha; null where all are alike.</summary>
    public IReadOnlyDictionary<(int Layer, LinearModule Module), LoraSize>? Exact { get; init; }

    /// <summary>Outputs are scaled to trained magnitudes (DoRA, Liu et al. 2024).</summary>
    public bool UseDora { get; init; }

    /// <summary>B has a bias (lora_bias).</summary>
    public bool HasFactorBias { get; init; }

    /// <summary>Which of the base model's biases are trained.</summary>
    public TrainedBiases Biases { get; init; }

    /// <summary>Factors of the embedding, or null.</summary>
    public LoraSize? Embedding { get; init; }

    /// <summary>Rows of the embedding that are trained, ascending.</summary>
    public IReadOnlyList<int> TrainableTokens { get; init; } = [];

    /// <summary>Rank and alpha of a layer's module, or null where it is not adapted.</summary>
    public LoraSize? Of(int layer, LinearModule module) => Exact is not null
        ? Exact.TryGetValue((layer, module), out LoraSize size) ? size : null
        : TargetModules.Contains(module) ? new LoraSize(Rank, Alpha) : null;

    /// <summary>Factor on the low-rank product of a module.</summary>
    public double ScaleOf(LoraSize size) => UseRslora ? size.Alpha / Math.Sqrt(size.Rank) : size.Alpha / size.Rank;

    /// <summary>Whether a base bias is trained.</summary>
    public bool TrainsBias(int layer, LinearModule module) =>
        Biases == TrainedBiases.All || (Biases == TrainedBiases.OfAdaptedModules && Of(layer, module) is not null);
}

/// <summary>Size of one pair of factors.</summary>
/// <param name="Rank">r.</param>
/// <param name="Alpha">lora_alpha.</param>
public readonly record struct LoraSize(int Rank, double Alpha);

/// <summary>PEFT's bias setting.</summary>
public enum TrainedBiases
{
    /// <summary>"none".</summary>
    None,

    /// <summary>"lora_only": those of adapted modules.</summary>
    OfAdaptedModules,

    /// <summary>"all".</summary>
    All,
}
