namespace Rm.Training.Model;

/// <summary>What a trainable parameter is; decides its initialisation and its optimizer group.</summary>
public enum ParameterKind
{
    /// <summary>LoRA A factor <c>[r, in]</c>.</summary>
    LoraA,

    /// <summary>LoRA B factor <c>[out, r]</c>.</summary>
    LoraB,

    /// <summary>DoRA's magnitudes <c>[out]</c>.</summary>
    Magnitude,

    /// <summary>A and B of the embedding.</summary>
    EmbeddingFactor,

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

    /// <summary>Whether the file holds it transposed.</summary>
    public bool IsTransposed { get; init; }

    /// <summary>Whether the file holds it with a middle axis of length 1: the filters of a convolution of each feature by itself.</summary>
    public bool IsDepthwise { get; init; }

    /// <summary>Shape as safetensors states it.</summary>
    public long[] FileShape => IsVector ? [Columns] : IsDepthwise ? [Rows, 1, Columns] : IsTransposed ? [Columns, Rows] : [Rows, Columns];

    /// <summary>Values in the order of the file from those in the order of the buffer.</summary>
    public float[] ToFile(float[] values) => IsTransposed ? Transpose(values, Rows, Columns) : values;

    /// <summary>Values in the order of the buffer from those in the order of the file.</summary>
    public float[] FromFile(float[] values) => IsTransposed ? Transpose(values, Columns, Rows) : values;

    private static float[] Transpose(float[] values, int rows, int columns)
    {
        float[] result = new float[values.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                result[(c * rows) + r] = values[(r * columns) + c];
            }
        }

        return result;
    }
}
