using Rm.Kernels.Ops;

namespace Rm.Training.Model;

/// <summary>
/// What one family of decoders computes, as data: where its norms stand, what its gates go through, which biases, windows and rotations it
/// has by default. The table is <see cref="ModelFamilies"/>; the reader of config.json, the names of the weights, the decoder and the
/// writer of config.json all read it. Defaults are those of transformers' configuration class of the family.
/// </summary>
/// <param name="ModelType">config.json's model_type.</param>
/// <param name="ClassName">What transformers' class names begin with: "Qwen2" of "Qwen2ForCausalLM".</param>
public sealed record ModelFamily(string ModelType, string ClassName)
{
    /// <summary>Qwen2 and Qwen2.5: biases on the query, key and value projections.</summary>
    public static ModelFamily Qwen2 => ModelFamilies.Qwen2;

    /// <summary>Llama 2, 3.x, SmolLM2 and others of model_type "llama".</summary>
    public static ModelFamily Llama => ModelFamilies.Llama;

    /// <summary>Qwen3: RMSNorm on each head's query and key.</summary>
    public static ModelFamily Qwen3 => ModelFamilies.Qwen3;

    /// <summary>Further beginnings of class names: Gemma 3's causal model is Gemma3ForCausalLM, its text model Gemma3TextModel.</summary>
    public IReadOnlyList<string> OtherClassNames { get; init; } = [];

    /// <summary>Where the norms of a layer stand.</summary>
    public NormPlacement Norms { get; init; }

    /// <summary>Norms multiply by 1 + w instead of w.</summary>
    public bool NormsAddOne { get; init; }

    /// <summary>Which norm queries and keys pass.</summary>
    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>What the MLP's gate goes through.</summary>
    public GateActivation Activation { get; init; }

    /// <summary>config.json's field for <see cref="Activation"/>.</summary>
    public string ActivationField { get; init; } = "hidden_act";

    /// <summary>One tensor for queries, keys and values, and one for gates and ups.</summary>
    public bool FusedProjections { get; init; }

    /// <summary>Queries, keys and values have biases, whatever config.json says.</summary>
    public bool AlwaysQkvBias { get; init; }

    /// <summary>config.json can ask for biases on all attention projections (attention_bias).</summary>
    public bool AttentionBiasOption { get; init; }

    /// <summary>config.json can ask for biases in the MLP (mlp_bias).</summary>
    public bool MlpBiasOption { get; init; }

    /// <summary>Embeddings are multiplied by the root of the hidden size.</summary>
    public bool ScalesEmbedding { get; init; }

    /// <summary>config.json has Granite's four multipliers.</summary>
    public bool HasMultipliers { get; init; }

    /// <summary>The scale of scores is 1 / sqrt(query_pre_attn_scalar), with this default; 0: 1 / sqrt(head size).</summary>
    public double QueryPreAttentionScalar { get; init; }

    /// <summary>Default of attn_logit_softcapping; null where the family knows no cap.</summary>
    public double? Softcap { get; init; }

    /// <summary>Which layers have a sliding window.</summary>
    public WindowRule Windows { get; init; }

    /// <summary>Default of sliding_window; 0 for none.</summary>
    public int DefaultWindow { get; init; }

    /// <summary>Every so many layers one sees everything, under <see cref="WindowRule.Pattern"/>.</summary>
    public int WindowPattern { get; init; }

    /// <summary>config.json's field that overrides <see cref="WindowPattern"/>, or null.</summary>
    public string? WindowPatternField { get; init; }

    /// <summary>Layers with a window have a rotation of their own; null where all layers share one.</summary>
    public double? SlidingTheta { get; init; }

    /// <summary>config.json's field for the base of windowed layers' rotation; null: it is rope_theta.</summary>
    public string? SlidingThetaField { get; init; }

    /// <summary>Attention's output passes a sigmoid gate, whose rows stand behind each head's in the query projection.</summary>
    public bool GatesAttention { get; init; }

    /// <summary>
    /// Every so many layers one attends and the others have a gated delta net, where layer_types does not say it; 0: all attend.
    /// </summary>
    public int FullAttentionInterval { get; init; }

    /// <summary>
    /// A head's first features rotate and the others may not (partial_rotary_factor). The code of other families turns whole heads,
    /// whatever the field says.
    /// </summary>
    public bool RotatesPart { get; init; }

    /// <summary>
    /// Queries grow with their position (llama_4_scaling_beta), and the rotary settings have defaults that no checkpoint relies on.
    /// </summary>
    public bool GrowsQueries { get; init; }

    /// <summary>Layers have mixtures of experts, but those that mlp_only_layers and decoder_sparse_step leave a plain MLP.</summary>
    public bool HasExperts { get; init; }

    /// <summary>Default of partial_rotary_factor.</summary>
    public double PartialRotary { get; init; } = 1;

    /// <summary>Some layers rotate nothing (no_rope_layers, no_rope_layer_interval).</summary>
    public bool HasUnrotatedLayers { get; init; }

    /// <summary>
    /// Default of original_max_position_embeddings, which then counts above the one inside the rotary settings; 0 for none.
    /// </summary>
    public int OriginalMaxPositions { get; init; }

    /// <summary>Default of rope_theta.</summary>
    public double Theta { get; init; } = 10000;

    /// <summary>Default of vocab_size, which wrappers leave out; null where the file must say it.</summary>
    public int? VocabSize { get; init; }

    /// <summary>Default of num_attention_heads; null where the file must say it.</summary>
    public int? Heads { get; init; }

    /// <summary>Default of head_dim; 0: hidden size / heads.</summary>
    public int HeadDim { get; init; }

    /// <summary>Default of num_key_value_heads; 0: as many as query heads.</summary>
    public int KvHeads { get; init; }

    /// <summary>Default of max_position_embeddings.</summary>
    public int MaxPositions { get; init; } = 2048;

    /// <summary>Default of rms_norm_eps.</summary>
    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Default of tie_word_embeddings.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>The linear maps of a layer that attends, in the order of the computation.</summary>
    public IReadOnlyList<LinearModule> Modules { get; private init; } = WeightNames.Modules;

    /// <summary>Names of a layer's norms inside it, from input to output.</summary>
    internal LayerNormNames NormNames => LayerNormNames.Of(Norms);

    /// <summary>The same with fused projections.</summary>
    internal ModelFamily WithFusedProjections() => this with
    {
        FusedProjections = true,
        Modules = [LinearModule.Qkv, LinearModule.O, LinearModule.GateUp, LinearModule.Down],
    };

    /// <summary>
    /// Whether a class of transformers is this family's: X"ForCausalLM", "ForSequenceClassification" or the bare "Model".
    /// </summary>
    public bool Owns(string architecture) => OtherClassNames.Prepend(ClassName).Any(name =>
        architecture == $"{name}ForCausalLM" || architecture == $"{name}ForSequenceClassification" || architecture == $"{name}Model");

    /// <inheritdoc/>
    public override string ToString() => ClassName;
}

/// <summary>Where the norms of a decoder layer stand.</summary>
public enum NormPlacement
{
    /// <summary>Before attention and before the MLP.</summary>
    Before,

    /// <summary>After each, before the residual is added (OLMo 2 and 3).</summary>
    After,

    /// <summary>Both (Gemma 2 and 3).</summary>
    Both,
}

/// <summary>The norm that queries and keys pass before they are rotated.</summary>
public enum QueryKeyNorm
{
    /// <summary>None.</summary>
    None,

    /// <summary>Each head by itself, one weight for all heads.</summary>
    Head,

    /// <summary>All heads together, a weight for every feature.</summary>
    Width,
}

/// <summary>Which layers have a sliding window where layer_types does not say it.</summary>
public enum WindowRule
{
    /// <summary>The family has no windows.</summary>
    Never,

    /// <summary>All layers, when sliding_window is set; layer_types is not read.</summary>
    All,

    /// <summary>All layers, when sliding_window is set, unless layer_types says otherwise.</summary>
    AllOrLayerTypes,

    /// <summary>All layers, when sliding_window is set, while use_sliding_window; layer_types is not read.</summary>
    AllWhenUsed,

    /// <summary>Layers from max_window_layers on, while use_sliding_window.</summary>
    FromMaxWindowLayers,

    /// <summary>All but every n-th layer.</summary>
    Pattern,

    /// <summary>Layers that rotate nothing, while use_sliding_window.</summary>
    Unrotated,
}

/// <summary>Names of a layer's four possible norms, null where one does not exist.</summary>
/// <param name="BeforeAttention">Of the layer's input.</param>
/// <param name="AfterAttention">Of attention's output.</param>
/// <param name="BeforeMlp">Of the MLP's input.</param>
/// <param name="AfterMlp">Of the MLP's output.</param>
internal sealed record LayerNormNames(string? BeforeAttention, string? AfterAttention, string? BeforeMlp, string? AfterMlp)
{
    private const string PostAttention = "post_attention_layernorm";

    public static LayerNormNames Of(NormPlacement placement) => placement switch
    {
        NormPlacement.Before => new("input_layernorm", null, PostAttention, null),
        NormPlacement.After => new(null, PostAttention, null, "post_feedforward_layernorm"),
        _ => new("input_layernorm", PostAttention, "pre_feedforward_layernorm", "post_feedforward_layernorm"),
    };

    public IEnumerable<string> All => new[] { BeforeAttention, AfterAttention, BeforeMlp, AfterMlp }.OfType<string>();
}
