namespace Rm.Training.Model;

/// <summary>What a trainable parameter is; decides its initialisation and its optimizer group.</summary>
public enum ParameterKind
{
    /// <summary>LoRA A factor <c>[r, in]</c>.</summary>
    LoraA,

    /// <summary>LoRA B factor <c>[out, r]</c>.</summary>
    LoraB,

    /// <summary>The scalar head <c>[1, hidden]</c>.</summary>
    Head,

    /// <summary>A pretrained weight under training: a norm, a linear weight or bias, the embedding.</summary>
    Pretrained,
}

/// <summary>A named tensor under training: a range of the flat parameter buffer.</summary>
/// <param name="Name">Hugging Face name without PEFT's prefix, such as <c>model.layers.0.self_attn.q_proj.lora_A.weight</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Rows">Rows; 1 for vectors.</param>
/// <param name="Columns">Columns.</param>
/// <param name="Offset">First element in the flat buffer.</param>
/// <param name="IsVector">Whether the file holds it as a vector <c>[Columns]</c>.</param>
public sealed record Parameter(string Name, ParameterKind Kind, int Rows, int Columns, long Offset, bool IsVector)
{
    /// <summary>Number of elements.</summary>
    public long Count => (long)Rows * Columns;

    /// <summary>Shape as safetensors states it.</summary>
    public long[] FileShape => IsVector ? [Columns] : [Rows, Columns];
}
