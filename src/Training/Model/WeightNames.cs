namespace Rm.Training.Model;

/// <summary>Hugging Face's names of a decoder's parameters, and their shapes.</summary>
public static class WeightNames
{
    /// <summary>Token embedding, [vocab, hidden].</summary>
    public const string Embedding = "model.embed_tokens.weight";

    /// <summary>PEFT's rows of the embedding that are trained by themselves, [tokens, hidden].</summary>
    public const string TrainedTokens = "model.embed_tokens.token_adapter.trainable_tokens_delta";

    /// <summary>LoRA's A of the embedding, [r, vocab].</summary>
    public const string EmbeddingLoraA = "model.embed_tokens.lora_embedding_A";

    /// <summary>LoRA's B of the embedding, [hidden, r].</summary>
    public const string EmbeddingLoraB = "model.embed_tokens.lora_embedding_B";

    /// <summary>Final RMSNorm, [hidden].</summary>
    public const string FinalNorm = "model.norm.weight";

    /// <summary>Reward head, [1, hidden].</summary>
    public const string Score = "score.weight";

    /// <summary>Language-model head; never loaded.</summary>
    public const string LmHead = "lm_head.weight";

    // Index = LinearModule.
    private static readonly string[] ModuleNames =
        [
            "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "qkv_proj", "gate_up_proj", "in_proj_qkv",
            "in_proj_z", "in_proj_b", "in_proj_a", "out_proj", "gate", "gate_proj", "up_proj", "down_proj",
        ];

    /// <summary>
    /// The seven modules of most families, in the order of the computation; <see cref="ModelFamily.Modules"/> has each family's.
    /// </summary>
    public static IReadOnlyList<LinearModule> Modules { get; } =
        [LinearModule.Q, LinearModule.K, LinearModule.V, LinearModule.O, LinearModule.Gate, LinearModule.Up, LinearModule.Down];

    /// <summary>The modules of attention, which are all of a layer with a mixture of experts.</summary>
    public static IReadOnlyList<LinearModule> AttentionModules { get; } = [.. Modules.Take(4)];

    /// <summary>The eight modules of a layer with a gated delta net.</summary>
    public static IReadOnlyList<LinearModule> DeltaModules { get; } =
    [
        LinearModule.DeltaQkv, LinearModule.DeltaZ, LinearModule.DeltaB, LinearModule.DeltaA, LinearModule.DeltaOut, LinearModule.Gate,
        LinearModule.Up, LinearModule.Down,
    ];

    /// <summary>"q_proj" and so on.</summary>
    public static string Name(this LinearModule module) => ModuleNames[(int)module];

    /// <summary>The module of that name, or null.</summary>
    public static LinearModule? ParseModule(string name)
    {
        int index = Array.IndexOf(ModuleNames, name);
        return index < 0 ? null : (LinearModule)index;
    }

    /// <summary>"model.layers.3.self_attn.q_proj" and so on.</summary>
    public static string Path(int layer, LinearModule module, int expert = 0) =>
        $"model.layers.{layer}.{Parent(module, expert)}.{module.Name()}";

    /// <summary>Weight of a linear map, [out, in].</summary>
    public static string Weight(int layer, LinearModule module, int expert = 0) => Path(layer, module, expert) + ".weight";

    /// <summary>All gates and ups of a layer's experts in one tensor, [experts, 2 width, hidden].</summary>
    public static string FusedExpertGateUp(int layer) => $"model.layers.{layer}.mlp.experts.gate_up_proj";

    /// <summary>All down projections of a layer's experts in one tensor, [experts, hidden, width].</summary>
    public static string FusedExpertDown(int layer) => $"model.layers.{layer}.mlp.experts.down_proj";

    /// <summary>Bias of a linear map, [out].</summary>
    public static string Bias(int layer, LinearModule module) => Path(layer, module) + ".bias";

    /// <summary>An RMSNorm of a layer by its name there (<see cref="ModelFamily"/>), [hidden].</summary>
    public static string LayerNorm(int layer, string name) => $"model.layers.{layer}.{name}.weight";

    /// <summary>RMSNorm of a gated delta net's output, [value head size].</summary>
    public static string DeltaNorm(int layer) => $"model.layers.{layer}.linear_attn.norm.weight";

    /// <summary>Filters of a gated delta net's convolution, [features, 1, width].</summary>
    public static string DeltaConvolution(int layer) => $"model.layers.{layer}.linear_attn.conv1d.weight";

    /// <summary>Logarithm of the decay rates of a gated delta net, [value heads].</summary>
    public static string DeltaALog(int layer) => $"model.layers.{layer}.linear_attn.A_log";

    /// <summary>Bias of a gated delta net's decay, [value heads].</summary>
    public static string DeltaDtBias(int layer) => $"model.layers.{layer}.linear_attn.dt_bias";

    /// <summary>RMSNorm of queries, [headDim] or as wide as all of them.</summary>
    public static string QNorm(int layer) => $"model.layers.{layer}.self_attn.q_norm.weight";

    /// <summary>RMSNorm of keys, likewise.</summary>
    public static string KNorm(int layer) => $"model.layers.{layer}.self_attn.k_norm.weight";

    /// <summary>Sizes (out, in) of a linear map.</summary>
    public static (int Out, int In) Sizes(this ModelConfig config, LinearModule module)
    {
        int queries = config.Heads * config.HeadDim;
        int keys = config.KvHeads * config.HeadDim;
        return module switch
        {
            LinearModule.Q => (config.Family.GatesAttention ? 2 * queries : queries, config.HiddenSize),
            LinearModule.K or LinearModule.V => (keys, config.HiddenSize),
            LinearModule.O => (config.HiddenSize, queries),
            LinearModule.Down => (config.HiddenSize, config.IntermediateSize),
            LinearModule.Qkv => (queries + (2 * keys), config.HiddenSize),
            LinearModule.GateUp => (2 * config.IntermediateSize, config.HiddenSize),
            LinearModule.DeltaQkv => (Delta(config).Rule.QkvColumns, config.HiddenSize),
            LinearModule.DeltaZ => (Delta(config).Rule.ValueColumns, config.HiddenSize),
            LinearModule.DeltaA or LinearModule.DeltaB => (Delta(config).Rule.ValueHeads, config.HiddenSize),
            LinearModule.DeltaOut => (config.HiddenSize, Delta(config).Rule.ValueColumns),
            LinearModule.Router => (Experts(config).Count, config.HiddenSize),
            LinearModule.ExpertGate or LinearModule.ExpertUp => (Experts(config).Width, config.HiddenSize),
            LinearModule.ExpertDown => (config.HiddenSize, Experts(config).Width),
            _ => (config.IntermediateSize, config.HiddenSize),
        };
    }

    /// <summary>
    /// The matrices of a layer's linear maps, those of experts among them, with their sizes; a router, which a base in few bits leaves as
    /// it is, is none of them.
    /// </summary>
    public static IEnumerable<(string Name, int Out, int In)> Matrices(this ModelConfig config, int layer) => config.ModulesOf(layer)
        .Select(module => (Weight(layer, module), config.Sizes(module).Out, config.Sizes(module).In)).Concat(config.ExpertMatrices(layer));

    /// <summary>The matrices of a layer's experts with their sizes.</summary>
    public static IEnumerable<(string Name, int Out, int In)> ExpertMatrices(this ModelConfig config, int layer)
    {
        for (int expert = 0; config.IsMixtureLayer(layer) && expert < Experts(config).Count; expert++)
        {
            foreach (LinearModule module in (LinearModule[])[LinearModule.ExpertGate, LinearModule.ExpertUp, LinearModule.ExpertDown])
            {
                (int rows, int columns) = config.Sizes(module);
                yield return (Weight(layer, module, expert), rows, columns);
            }
        }
    }

    /// <summary>True when a linear map has a bias.</summary>
    public static bool HasBias(this ModelConfig config, LinearModule module) => module switch
    {
        LinearModule.Q or LinearModule.K or LinearModule.V or LinearModule.Qkv => config.QkvBias,
        LinearModule.O => config.OutputBias,
        >= LinearModule.DeltaQkv => false,
        _ => config.MlpBias,
    };

    /// <summary>Widths of the norms of queries and keys.</summary>
    public static (int Query, int Key) QueryKeyNormWidths(this ModelConfig config) => config.Family.QueryKeyNorm == QueryKeyNorm.Width
        ? (config.Heads * config.HeadDim, config.KvHeads * config.HeadDim)
        : (config.HeadDim, config.HeadDim);

    /// <summary>Every norm of the model with its width, final norm last.</summary>
    public static IEnumerable<(string Name, int Width)> Norms(ModelConfig config)
    {
        for (int layer = 0; layer < config.Layers; layer++)
        {
            if (config.IsDeltaLayer(layer))
            {
                yield return (DeltaNorm(layer), Delta(config).Rule.ValueDim);
            }
            else if (config.QkNorm)
            {
                (int query, int key) = config.QueryKeyNormWidths();
                yield return (QNorm(layer), query);
                yield return (KNorm(layer), key);
            }

            foreach (string name in config.Family.NormNames.All)
            {
                yield return (LayerNorm(layer, name), config.HiddenSize);
            }
        }

        yield return (FinalNorm, config.HiddenSize);
    }

    /// <summary>Every parameter of the decoder with its shape, without a head.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Decoder(ModelConfig config)
    {
        yield return (Embedding, [config.VocabSize, config.HiddenSize]);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            foreach (LinearModule module in config.ModulesOf(layer))
            {
                (int rows, int columns) = config.Sizes(module);
                yield return (Weight(layer, module), [rows, columns]);
                if (config.HasBias(module))
                {
                    yield return (Bias(layer, module), [rows]);
                }
            }

            if (config.IsMixtureLayer(layer))
            {
                yield return (Weight(layer, LinearModule.Router), [Experts(config).Count, config.HiddenSize]);
            }

            foreach ((string name, int rows, int columns) in config.ExpertMatrices(layer))
            {
                yield return (name, [rows, columns]);
            }

            if (config.IsDeltaLayer(layer))
            {
                DeltaNetSizes delta = Delta(config);
                yield return (DeltaConvolution(layer), [delta.Rule.QkvColumns, 1, delta.ConvolutionWidth]);
                yield return (DeltaALog(layer), [delta.Rule.ValueHeads]);
                yield return (DeltaDtBias(layer), [delta.Rule.ValueHeads]);
            }
        }

        foreach ((string? name, int width) in Norms(config))
        {
            yield return (name, [width]);
        }
    }

    private static string Parent(LinearModule module, int expert) => module switch
    {
        >= LinearModule.ExpertGate => $"mlp.experts.{expert}",
        LinearModule.Router => "mlp",
        <= LinearModule.O or LinearModule.Qkv => "self_attn",
        >= LinearModule.DeltaQkv => "linear_attn",
        _ => "mlp",
    };

    private static ExpertSizes Experts(ModelConfig config) =>
        config.Experts ?? throw new InvalidOperationException($"{config.Family} has no experts.");

    private static DeltaNetSizes Delta(ModelConfig config) =>
        config.DeltaNet ?? throw new InvalidOperationException($"{config.Family} has no gated delta nets.");
}
