using System.Text.Json;
using Rm.Formats.Json;
using Rm.Kernels.Ops;
using Rm.Training.LowBit;

namespace Rm.Training.Model;

/// <summary>
/// config.json -> <see cref="ModelConfig"/>. Absent fields take the defaults of transformers' configuration classes; a setting that would
/// change the computation and is not supported is an error, never ignored.
/// </summary>
internal static class ModelConfigReader
{
    // Bounds that no real model reaches; they keep every product of two sizes within 63 bits.
    private const int MaxSize = 1 << 24;
    private const int MaxLayers = 4096;
    private const int MaxHeads = 1024;

    // A multimodal checkpoint keeps its language model's settings here.
    private const string TextConfig = "text_config";

    public static ModelConfig Read(ReadOnlyMemory<byte> utf8, string fileName)
    {
        var outer = new JsonFields(JsonInput.ParseObject(utf8, fileName), fileName);
        var warnings = new List<string>();
        string? architecture = ReadArchitecture(outer);
        bool isWrapper = outer.Find(TextConfig) is not null && ModelFamilies.Find(outer.OptionalString("model_type") ?? "") is null;
        JsonFields fields = isWrapper ? outer.OptionalObject(TextConfig)!.Value : outer;
        ModelFamily family = ReadFamily(fields, isWrapper ? null : architecture);
        int hidden = fields.Int("hidden_size", 1, MaxSize);
        int heads = fields.Int("num_attention_heads", 1, MaxSize, family.Heads);
        int headDim = ReadHeadDim(fields, family, hidden, heads);
        int kvHeads = fields.Int("num_key_value_heads", 1, MaxSize, family.KvHeads == 0 ? heads : Math.Min(family.KvHeads, heads));
        if (heads % kvHeads != 0)
        {
            throw fields.Error("num_key_value_heads", $"is {kvHeads}, which does not divide num_attention_heads = {heads}.");
        }

        int layers = fields.Int("num_hidden_layers", 1, MaxLayers);
        int maxPositions = fields.Int("max_position_embeddings", 1, int.MaxValue, family.MaxPositions);
        UnsupportedSettings.Check(fields, family, warnings);
        CheckLabels(outer, architecture);
        (RopeSettings rope, RopeSettings? slidingRope) = RopeReader.Read(fields, family, maxPositions);
        CheckRotation(fields, rope, headDim);
        CheckRotation(fields, slidingRope, headDim);
        IReadOnlyList<bool> unrotated = LayerKinds.ReadUnrotated(fields, family, layers);
        (int window, IReadOnlyList<bool> windowed) = LayerKinds.ReadWindows(fields, family, layers, unrotated);
        IReadOnlyList<bool> delta = LayerKinds.ReadDelta(fields, family, layers);
        IReadOnlyList<bool> mixtures = LayerKinds.ReadMixtures(fields, family, layers);
        bool attentionBias = family.AttentionBiasOption && fields.Bool("attention_bias", false);

        return new ModelConfig(
            family,
            VocabSize: fields.Int("vocab_size", 1, MaxSize, family.VocabSize),
            hidden,
            layers,
            heads,
            kvHeads,
            headDim,
            IntermediateSize: fields.Int("intermediate_size", 1, MaxSize),
            RmsNormEps: (float)fields.Double("rms_norm_eps", 0, 1, family.NormEpsilon),
            rope.Theta,
            rope.Scaling,
            TieWordEmbeddings: fields.Bool("tie_word_embeddings", family.TiedEmbeddings),
            InitializerRange: fields.Double("initializer_range", 0, 100, 0.02),
            maxPositions)
        {
            QkvBias = family.AlwaysQkvBias || attentionBias,
            OutputBias = attentionBias,
            MlpBias = family.MlpBiasOption && fields.Bool("mlp_bias", false),
            AttentionScale = ReadAttentionScale(fields, family, headDim),
            AttentionSoftcap = ReadSoftcap(fields, family),
            SlidingWindow = window,
            WindowedLayers = windowed,
            UnrotatedLayers = unrotated,
            SlidingRope = slidingRope,
            DeltaLayers = delta,
            DeltaNet = delta.Contains(true) ? ReadDeltaNet(fields) : null,
            MixtureLayers = mixtures,
            Experts = mixtures.Contains(true) ? ReadExperts(fields, warnings) : null,
            EmbeddingScale = ReadEmbeddingScale(fields, family, hidden),
            ResidualScale = family.HasMultipliers ? (float)fields.Double("residual_multiplier", 1e-9, 1e9, 1) : 1,
            PadTokenId = fields.OptionalInt("pad_token_id", int.MinValue, int.MaxValue)
                ?? outer.OptionalInt("pad_token_id", int.MinValue, int.MaxValue),
            BosTokenId = fields.OptionalInt("bos_token_id", int.MinValue, int.MaxValue),
            EosTokenIds = ReadTokenIds(fields, "eos_token_id"),
            TorchDType = fields.OptionalString("dtype") ?? fields.OptionalString("torch_dtype") ?? outer.OptionalString("dtype")
                ?? outer.OptionalString("torch_dtype"),
            Architecture = architecture,
            IsInsideWrapper = isWrapper,
            Fp8BlockSize = QuantizationSettings.Read(outer.IsSet("quantization_config") ? outer : fields, warnings),
            Warnings = warnings,
            SourceJson = isWrapper ? System.Text.Encoding.UTF8.GetBytes(fields.Element.GetRawText()) : utf8,
        };
    }

    private static string? ReadArchitecture(JsonFields fields)
    {
        IReadOnlyList<string>? names = fields.OptionalStrings("architectures");
        return names is { Count: > 0 } ? names[0] : null;
    }

    private static ModelFamily ReadFamily(JsonFields fields, string? architecture)
    {
        string? modelType = fields.OptionalString("model_type");
        ModelFamily? family = modelType is null ? null : ModelFamilies.Find(modelType) ?? throw fields.Error(
            "model_type", ModelFamilies.WhyRefused(modelType) is { } why
                ? $"is \"{modelType}\", {why}. Supported are {ModelFamilies.Listed}."
                : $"is \"{modelType}\"; supported are {ModelFamilies.Listed}.");
        if (architecture is null)
        {
            return family ?? throw fields.Error("model_type", "is missing, and so is architectures.");
        }

        if (family is not null && family.Owns(architecture))
        {
            return family;
        }

        ModelFamily? named = ModelFamilies.All.FirstOrDefault(candidate => candidate.Owns(architecture));
        return (family, named) switch
        {
            (null, { } only) => only,
            (_, null) => throw fields.Error(
                "architectures",
                $"names {architecture}; supported are {string.Join(", ", ModelFamilies.All.Select(f => f.ClassName))}, each as " +
                "ForCausalLM, ForSequenceClassification or the bare Model."),
            _ => throw fields.Error("architectures", $"names {architecture}, but model_type is \"{modelType}\"."),
        };
    }

    private static int ReadHeadDim(JsonFields fields, ModelFamily family, int hidden, int heads)
    {
        int headDim;
        if (fields.Find("head_dim") is not null)
        {
            headDim = fields.Int("head_dim", 2, 1 << 16);
        }
        else if (family.HeadDim > 0)
        {
            headDim = family.HeadDim;
        }
        else
        {
            headDim = hidden % heads == 0
                ? hidden / heads
                : throw fields.Error("hidden_size", $"is {hidden}, not a multiple of num_attention_heads = {heads}, " +
                    "and head_dim is missing.");
        }

        return headDim % 2 == 0 ? headDim : throw fields.Error("head_dim", $"is {headDim}; rotary embedding needs an even width.");
    }

    private static void CheckRotation(JsonFields fields, RopeSettings? rope, int headDim)
    {
        if (rope is not { Scaling: var scaling })
        {
            return;
        }

        int rotated = scaling.RotaryDim(headDim);
        if (rotated < 2 || rotated % 2 != 0 || (rotated == 2 && scaling.Kind == RopeScalingKind.Dynamic))
        {
            throw fields.Error(
                "partial_rotary_factor", $"rotates {rotated} of {headDim} features of a head; it must be an even number of them.");
        }

        foreach ((string name, IReadOnlyList<double> factors) in new[] { ("short_factor", scaling.ShortFactors),
            ("long_factor", scaling.LongFactors) })
        {
            if (scaling.Kind == RopeScalingKind.LongRope && factors.Count != rotated / 2)
            {
                throw fields.Error(name, $"has {factors.Count} numbers; {rotated} rotated features need {rotated / 2}.");
            }
        }
    }

    private static DeltaNetSizes ReadDeltaNet(JsonFields fields)
    {
        int keyHeads = fields.Int("linear_num_key_heads", 1, MaxHeads, 16),
            valueHeads = fields.Int("linear_num_value_heads", 1, MaxHeads, 32);
        if (valueHeads % keyHeads != 0)
        {
            throw fields.Error("linear_num_value_heads", $"is {valueHeads}, which is not a multiple of linear_num_key_heads = {keyHeads}.");
        }

        var rule = new DeltaRuleShape(
            keyHeads, valueHeads, fields.Int("linear_key_head_dim", 1, MaxHeads, 128),
            fields.Int("linear_value_head_dim", 1, MaxHeads, 128));
        return new DeltaNetSizes(rule, fields.Int("linear_conv_kernel_dim", 1, CausalConvForwardArgs.MaxWidth, 4));
    }

    private static ExpertSizes ReadExperts(JsonFields fields, List<string> warnings)
    {
        int count = LayerKinds.ReadExpertCount(fields), chosen = fields.Int("num_experts_per_tok", 1, MaxSize, 8);
        if (chosen > count)
        {
            throw fields.Error("num_experts_per_tok", $"is {chosen}, but a layer has {count} experts.");
        }

        if (fields.Bool("output_router_logits", false))
        {
            warnings.Add("output_router_logits is true: the balancing loss of a mixture's router is not added, as transformers does not "
                + "add it to a reward model's loss.");
        }

        return new ExpertSizes(
            count, chosen, fields.Int("moe_intermediate_size", 1, MaxSize, 768), fields.Bool("norm_topk_prob", false));
    }

    private static float ReadAttentionScale(JsonFields fields, ModelFamily family, int headDim)
    {
        if (family.HasMultipliers)
        {
            return (float)fields.Double("attention_multiplier", 1e-9, 1e9, 1);
        }

        return family.QueryPreAttentionScalar > 0
            ? (float)Math.Pow(fields.Double("query_pre_attn_scalar", 1e-9, 1e9, family.QueryPreAttentionScalar), -0.5)
            : (float)(1 / Math.Sqrt(headDim));
    }

    private static float ReadSoftcap(JsonFields fields, ModelFamily family)
    {
        const string Name = "attn_logit_softcapping";
        bool isNull = fields.Element.TryGetProperty(Name, out JsonElement value) && value.ValueKind == JsonValueKind.Null;
        return family.Softcap is { } cap && !isNull ? (float)fields.Double(Name, 1e-6, 1e9, cap) : 0;
    }

    private static float ReadEmbeddingScale(JsonFields fields, ModelFamily family, int hidden) => family.HasMultipliers
        ? (float)fields.Double("embedding_multiplier", 1e-9, 1e9, 1)
        : family.ScalesEmbedding ? (float)Math.Sqrt(hidden) : 1;

    // A reward model has one label. The count is the length of id2label, or num_labels in hand-written files; where neither is there, the
    // shape of the head says it, which is checked with the weights.
    private static void CheckLabels(JsonFields fields, string? architecture)
    {
        if (architecture?.EndsWith("ForSequenceClassification", StringComparison.Ordinal) != true)
        {
            return;
        }

        int labels = fields.OptionalObject("id2label") is { } map ? map.Element.EnumerateObject().Count() : 1;
        int count = fields.Int("num_labels", 0, int.MaxValue, labels);
        if (count != 1)
        {
            throw fields.Error("num_labels", $"(or id2label) gives {count} labels; a reward model has exactly 1.");
        }
    }

    private static IReadOnlyList<int> ReadTokenIds(JsonFields fields, string name)
    {
        if (fields.Find(name) is not { ValueKind: JsonValueKind.Array } list)
        {
            return fields.OptionalInt(name, int.MinValue, int.MaxValue) is { } id ? [id] : [];
        }

        return [.. list.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int id)
            ? id
            : throw fields.Wrong(name, list, "a token id or a list of them"))];
    }
}
