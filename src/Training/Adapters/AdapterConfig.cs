using Rm.Formats;
using Rm.Training.Model;

namespace Rm.Training.Adapters;

/// <summary>adapter_config.json of a LoRA adapter in PEFT's layout.</summary>
/// <param name="Rank">r: rows of A, columns of B.</param>
/// <param name="Alpha">lora_alpha; may be fractional.</param>
/// <param name="TargetModules">Names of the adapted linear maps, "q_proj" and so on, as the file lists them.</param>
/// <param name="UseRsLora">The scale is alpha / sqrt(r) instead of alpha / r.</param>
/// <param name="Dropout">Dropout on the adapter's input while it was trained.</param>
/// <param name="ModulesToSave">Modules stored whole, by the end of their names.</param>
/// <param name="BaseModel">Folder or hub id of the base checkpoint; null when the file names none.</param>
/// <param name="TaskType">"SEQ_CLS" for reward models; null when the file names none.</param>
public sealed record AdapterConfig(
    int Rank,
    double Alpha,
    IReadOnlyList<string> TargetModules,
    bool UseRsLora = false,
    double Dropout = 0,
    IReadOnlyList<string>? ModulesToSave = null,
    string? BaseModel = null,
    string? TaskType = AdapterConfig.SequenceClassification)
{
    /// <summary>PEFT's task type of reward models.</summary>
    public const string SequenceClassification = "SEQ_CLS";

    /// <summary>What PEFT itself lists for <see cref="SequenceClassification"/>: the two names that heads have in transformers.</summary>
    public static IReadOnlyList<string> HeadModules { get; } = ["classifier", "score"];

    /// <summary>
    /// <see cref="HeadModules"/> and every norm. PEFT matches ends of names, so "norm" alone would take the layers' norms along: an adapter
    /// that trains norms trains and stores all of them.
    /// </summary>
    public static IReadOnlyList<string> HeadAndNormModules { get; } =
        [.. HeadModules, "input_layernorm", "post_attention_layernorm", "q_norm", "k_norm", "norm"];

    /// <summary>Rank and alpha of a module.</summary>
    /// <param name="path">Its path in the model, "model.layers.3.self_attn.q_proj".</param>
    public LoraSize SizeOf(string path) =>
        new(AdapterTargets.Pattern(RankPattern, path) ?? Rank, AdapterTargets.Pattern(AlphaPattern, path) ?? Alpha);

    /// <summary>Factor s of y = xW^T + s (xA^T)B^T.</summary>
    public double Scale => Alpha / (UseRsLora ? Math.Sqrt(Rank) : Rank);

    /// <summary>Whether outputs are scaled to trained magnitudes (use_dora).</summary>
    public bool UseDora { get; init; }

    /// <summary>Which biases are trained (bias).</summary>
    public TrainedBiases Biases { get; init; }

    /// <summary>Whether B has a bias (lora_bias).</summary>
    public bool HasFactorBias { get; init; }

    /// <summary>Ranks of some modules (rank_pattern), in the file's order.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> RankPattern { get; init; } = [];

    /// <summary>Alphas of some modules (alpha_pattern), in the file's order.</summary>
    public IReadOnlyList<KeyValuePair<string, double>> AlphaPattern { get; init; } = [];

    /// <summary>Rows of the embedding that the adapter replaces, in the order of the file's tensor (trainable_token_indices).</summary>
    public IReadOnlyList<int> TrainableTokens { get; init; } = [];

    /// <summary>Which modules are adapted; null in a configuration that was not read from a file.</summary>
    public AdapterTargets? Targets { get; init; }

    /// <summary>What the file asks for that has no effect here, one sentence each; to be shown to the user.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>
    /// Parses an adapter_config.json; <paramref name="fileName"/> is for messages. Throws <see cref="UserInputException"/>.
    /// </summary>
    public static AdapterConfig Parse(ReadOnlyMemory<byte> utf8, string fileName) => AdapterConfigReader.Read(utf8, fileName);

    /// <summary>The file that PEFT 0.9 and later load.</summary>
    public byte[] ToJson() => AdapterConfigWriter.Write(this);
}
