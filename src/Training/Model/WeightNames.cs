namespace Rm.Training.Model;

/// <summary>Hugging Face's names of a decoder's parameters, and their shapes.</summary>
public static class WeightNames
{
    /// <summary>Token embedding, [vocab, hidden].</summary>
    public const string Embedding = "model.embed_tokens.weight";

    /// <summary>Final RMSNorm, [hidden].</summary>
    public const string FinalNorm = "model.norm.weight";

    /// <summary>Reward head, [1, hidden].</summary>
    public const string Score = "score.weight";

    /// <summary>Language-model head; never loaded.</summary>
    public const string LmHead = "lm_head.weight";

    // Index = LinearModule.
    private static readonly string[] ModuleNames = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    /// <summary>All seven modules, in the order of the computation.</summary>
    public static IReadOnlyList<LinearModule> Modules { get; } = Enum.GetValues<LinearModule>();

    /// <summary>"q_proj" and so on.</summary>
    public static string Name(this LinearModule module) => ModuleNames[(int)module];

    /// <summary>The module of that name, or null.</summary>
    public static LinearModule? ParseModule(string name)
    {
        var index = Array.IndexOf(ModuleNames, name);
        return index < 0 ? null : (LinearModule)index;
    }

    /// <summary>"model.layers.3.self_attn.q_proj" and so on.</summary>
    public static string Path(int layer, LinearModule module) =>
        $"model.layers.{layer}.{(module <= LinearModule.O ? "self_attn" : "mlp")}.{module.Name()}";

    /// <summary>Weight of a linear map, [out, in].</summary>
    public static string Weight(int layer, LinearModule module) => Path(layer, module) + ".weight";

    /// <summary>Bias of a linear map, [out].</summary>
    public static string Bias(int layer, LinearModule module) => Path(layer, module) + ".bias";

    /// <summary>RMSNorm before attention, [hidden].</summary>
    public static string InputNorm(int layer) => $"model.layers.{layer}.input_layernorm.weight";

    /// <summary>RMSNorm before the MLP, [hidden].</summary>
    public static string PostAttentionNorm(int layer) => $"model.layers.{layer}.post_attention_layernorm.weight";

    /// <summary>RMSNorm of each query head (Qwen3), [headDim].</summary>
    public static string QNorm(int layer) => $"model.layers.{layer}.self_attn.q_norm.weight";

    /// <summary>RMSNorm of each key head (Qwen3), [headDim].</summary>
    public static string KNorm(int layer) => $"model.layers.{layer}.self_attn.k_norm.weight";

    /// <summary>Sizes (out, in) of a linear map.</summary>
    public static (int Out, int In) Sizes(this ModelConfig config, LinearModule module)
    {
        var queries = config.Heads * config.HeadDim;
        var keys = config.KvHeads * config.HeadDim;
        return module switch
        {
            LinearModule.Q => (queries, config.HiddenSize),
            LinearModule.K or LinearModule.V => (keys, config.HiddenSize),
            LinearModule.O => (config.HiddenSize, queries),
            LinearModule.Down => (config.HiddenSize, config.IntermediateSize),
            _ => (config.IntermediateSize, config.HiddenSize),
        };
    }

    /// <summary>True when a linear map has a bias.</summary>
    public static bool HasBias(this ModelConfig config, LinearModule module) => config.QkvBias && module <= LinearModule.V;

    /// <summary>Every norm of the model with its width, final norm last.</summary>
    public static IEnumerable<(string Name, int Width)> Norms(ModelConfig config)
    {
        for (var layer = 0; layer < config.Layers; layer++)
        {
            yield return (InputNorm(layer), config.HiddenSize);
            if (config.QkNorm)
            {
                yield return (QNorm(layer), config.HeadDim);
                yield return (KNorm(layer), config.HeadDim);
            }

            yield return (PostAttentionNorm(layer), config.HiddenSize);
        }

        yield return (FinalNorm, config.HiddenSize);
    }

    /// <summary>Every parameter of the decoder with its shape, without a head.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Decoder(ModelConfig config)
    {
        yield return (Embedding, [config.VocabSize, config.HiddenSize]);
        for (var layer = 0; layer < config.Layers; layer++)
        {
            foreach (var module in Modules)
            {
                var (rows, columns) = config.Sizes(module);
                yield return (Weight(layer, module), [rows, columns]);
                if (config.HasBias(module))
                {
                    yield return (Bias(layer, module), [rows]);
                }
            }
        }

        foreach (var (name, width) in Norms(config))
        {
            yield return (name, [width]);
        }
    }
}
