using Rm.Kernels.Ops;

namespace Rm.Training.Model;

/// <summary>The families that can be trained, and those that are known and refused by name.</summary>
public static class ModelFamilies
{
    private const string Mixture = "a mixture of experts, which is not supported";

    // Known families whose computation is not built, by model_type.
    private static readonly Dictionary<string, string> Refused = new(StringComparer.Ordinal)
    {
        ["qwen2_moe"] = Mixture,
        ["mixtral"] = Mixture,
        ["olmoe"] = Mixture,
        ["granitemoe"] = Mixture,
        ["gpt_oss"] = Mixture,
        ["phimoe"] = Mixture,
        ["deepseek_v2"] = Mixture,
        ["deepseek_v3"] = Mixture,
        ["qwen3_next"] = Mixture,
        ["qwen3_5_moe"] = Mixture,
        ["minicpm3"] = "built on latent attention, which is not supported",
        ["gemma4_text"] = "built on per-layer embeddings and shared keys, which are not supported",
        ["gemma3n_text"] = "built on per-layer embeddings and shared keys, which are not supported",
    };

    /// <summary>Qwen2 and Qwen2.5.</summary>
    internal static ModelFamily Qwen2 { get; } = new("qwen2", "Qwen2")
    {
        AlwaysQkvBias = true,
        Windows = WindowRule.FromMaxWindowLayers,
        DefaultWindow = 4096,
        KvHeads = 32,
        MaxPositions = 32768,
    };

    /// <summary>Llama 2, 3.x and what shares their code.</summary>
    internal static ModelFamily Llama { get; } = new("llama", "Llama") { AttentionBiasOption = true, MlpBiasOption = true };

    /// <summary>Qwen3.</summary>
    internal static ModelFamily Qwen3 { get; } = new("qwen3", "Qwen3")
    {
        QueryKeyNorm = QueryKeyNorm.Head,
        AttentionBiasOption = true,
        Windows = WindowRule.FromMaxWindowLayers,
        DefaultWindow = 4096,
        HeadDim = 128,
        KvHeads = 32,
        MaxPositions = 32768,
    };

    /// <summary>Qwen3.5's text model.</summary>
    internal static ModelFamily Qwen35 { get; } = Qwen3 with
    {
        ModelType = "qwen3_5_text",
        ClassName = "Qwen3_5Text",
        OtherClassNames = ["Qwen3_5"],
        NormsAddOne = true,
        GatesAttention = true,
        FullAttentionInterval = 4,
        RotatesPart = true,
        PartialRotary = 0.25,
        Windows = WindowRule.Never,
        HeadDim = 256,
        KvHeads = 4,
    };

    /// <summary>Qwen3's mixtures of experts.</summary>
    internal static ModelFamily Qwen3Moe { get; } = Qwen3 with
    {
        ModelType = "qwen3_moe",
        ClassName = "Qwen3Moe",
        HasExperts = true,
        Windows = WindowRule.AllWhenUsed,
        HeadDim = 0,
        KvHeads = 4,
    };

    private static readonly ModelFamily Gemma = new("gemma", "Gemma")
    {
        NormsAddOne = true,
        Activation = GateActivation.GeluTanh,
        ScalesEmbedding = true,
        AttentionBiasOption = true,
        HeadDim = 256,
        KvHeads = 16,
        MaxPositions = 8192,
        TiedEmbeddings = true,
    };

    private static readonly ModelFamily Gemma2 = Gemma with
    {
        ModelType = "gemma2",
        ClassName = "Gemma2",
        Norms = NormPlacement.Both,
        ActivationField = "hidden_activation",
        QueryPreAttentionScalar = 256,
        Softcap = 50,
        Windows = WindowRule.Pattern,
        DefaultWindow = 4096,
        WindowPattern = 2,
        KvHeads = 4,
    };

    private static readonly ModelFamily Olmo2 = new("olmo2", "Olmo2")
    {
        Norms = NormPlacement.After,
        QueryKeyNorm = QueryKeyNorm.Width,
        AttentionBiasOption = true,
        NormEpsilon = 1e-5,
    };

    private static readonly ModelFamily Mistral = new("mistral", "Mistral")
    {
        Windows = WindowRule.All,
        DefaultWindow = 4096,
        KvHeads = 8,
        MaxPositions = 131072,
    };

    /// <summary>The table, in the order in which families are listed to users.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        Qwen2,
        Llama,
        Qwen3,
        Qwen3Moe,
        Qwen35,
        Mistral,
        Mistral with { ModelType = "ministral", ClassName = "Ministral", Windows = WindowRule.AllOrLayerTypes },
        Mistral with
        {
            ModelType = "ministral3",
            ClassName = "Ministral3",
            GrowsQueries = true,
            DefaultWindow = 0,
            HeadDim = 128,
            MaxPositions = 262144,
            NormEpsilon = 1e-5,
            Theta = 1_000_000,
        },
        Gemma,
        Gemma2,
        Gemma2 with
        {
            ModelType = "gemma3_text",
            ClassName = "Gemma3Text",
            OtherClassNames = ["Gemma3"],
            QueryKeyNorm = QueryKeyNorm.Head,
            Softcap = null,
            WindowPattern = 6,
            WindowPatternField = "sliding_window_pattern",
            Theta = 1_000_000,
            SlidingTheta = 10_000,
            SlidingThetaField = "rope_local_base_freq",
            MaxPositions = 131072,
            VocabSize = 262208,
            Heads = 8,
        },
        new ModelFamily("phi3", "Phi3")
        {
            RotatesPart = true,
            Windows = WindowRule.All,
            OriginalMaxPositions = 4096,
            MaxPositions = 4096,
            NormEpsilon = 1e-5,
        }.WithFusedProjections(),
        new("smollm3", "SmolLM3")
        {
            HasUnrotatedLayers = true,
            Windows = WindowRule.Unrotated,
            AttentionBiasOption = true,
            MlpBiasOption = true,
            Theta = 2_000_000,
            KvHeads = 4,
            MaxPositions = 32768,
            TiedEmbeddings = true,
        },
        Olmo2,
        Olmo2 with
        {
            ModelType = "olmo3",
            ClassName = "Olmo3",
            Windows = WindowRule.Pattern,
            DefaultWindow = 4096,
            WindowPattern = 4,
            SlidingTheta = 10_000,
        },
        new("granite", "Granite") { HasMultipliers = true, AttentionBiasOption = true, MlpBiasOption = true },
    ];

    /// <summary>The family of a model_type, or null.</summary>
    public static ModelFamily? Find(string modelType) => All.FirstOrDefault(family => family.ModelType == modelType);

    /// <summary>Why a known model_type is refused, or null.</summary>
    public static string? WhyRefused(string modelType) => Refused.GetValueOrDefault(modelType);

    /// <summary>"qwen2, llama and qwen3": the table for messages.</summary>
    internal static string Listed => $"{string.Join(", ", All.SkipLast(1).Select(f => f.ModelType))} and {All[^1].ModelType}";
}
