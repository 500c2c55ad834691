using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// What a decoder layer's backward needs of its forward. T tokens; "rows" are all tokens, or the reward rows in the pruned last layer.
/// </summary>
internal sealed class LayerActivations
{
    public Tensor X { get; init; }                   // [T, C] layer input
    public Tensor? Norm1 { get; set; }               // [T, C], null when backward makes it again
    public Tensor Rstd1 { get; init; }               // [T]
    public required MixerActivations Mixer { get; init; }
    public Tensor AttentionOutput { get; set; }      // [rows, C] before the norm after attention, where there is one
    public Tensor RstdAttention { get; set; }        // [rows]
    public Tensor Middle { get; set; }               // [rows, C] after the attention residual
    public Tensor? Norm2 { get; set; }               // [rows, C], null when backward makes it again
    public Tensor Rstd2 { get; init; }               // [rows]
    public FeedForwardActivations FeedForward { get; set; } = null!;
    public Tensor MlpOutput { get; set; }            // [rows, C] before the norm after the MLP, where there is one
    public Tensor RstdMlp { get; set; }              // [rows]
    public LinearActivations KeptOutput { get; set; } // what the output projection keeps
}

/// <summary>What a layer's mixer keeps for its backward.</summary>
internal abstract class MixerActivations
{
    public Tensor Mixed { get; set; }                // [rows, W] the mixer's output, before the output projection
}
