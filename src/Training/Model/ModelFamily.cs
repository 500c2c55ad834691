namespace Rm.Training.Model;

/// <summary>Decoder families that can be trained; they differ in biases and in the norm of queries and keys.</summary>
public enum ModelFamily
{
    /// <summary>Qwen2 and Qwen2.5: biases on the query, key and value projections.</summary>
    Qwen2,

    /// <summary>Llama 2, 3.x, SmolLM2 and others of model_type "llama": no biases.</summary>
    Llama,

    /// <summary>Qwen3: no biases, RMSNorm on each head's query and key.</summary>
    Qwen3,
}
