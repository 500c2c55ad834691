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
    public Tensor? QueryInput { get; set; }          // [R, C] norm of the reward rows, pruned layer only; likewise
    public Tensor Qkv { get; set; }                  // [T, H*D + 2*G*D], not in the pruned layer
    public Tensor KeyValue { get; set; }             // [T, 2*G*D]
    public Tensor Query { get; set; }                // [rows, H*D] after norm and RoPE
    public Tensor Key { get; set; }                  // [T, G*D] after norm and RoPE
    public Tensor Value { get; set; }                // [T, G*D]
    public Tensor RawQuery { get; set; }             // [rows, H*D] before the norm of queries, where there is one
    public Tensor RawKey { get; set; }               // [T, G*D]
    public Tensor RstdQuery { get; set; }            // [rows, H], or [rows, 1] where one norm covers all heads
    public Tensor RstdKey { get; set; }              // [T, G], likewise
    public Tensor QueryCosSin { get; set; }          // [rows, R]
    public Tensor Attention { get; set; }            // [rows, H*D]
    public Tensor Lse { get; set; }                  // [rows, H]
    public Tensor AttentionOutput { get; set; }      // [rows, C] before the norm after attention, where there is one
    public Tensor RstdAttention { get; set; }        // [rows]
    public Tensor Middle { get; set; }               // [rows, C] after the attention residual
    public Tensor? Norm2 { get; set; }               // [rows, C], null when backward makes it again
    public Tensor Rstd2 { get; init; }               // [rows]
    public Tensor GateUp { get; set; }               // [rows, 2F]; backward overwrites it with its gradient
    public Tensor? SwiGlu { get; set; }              // [rows, F], likewise
    public Tensor MlpOutput { get; set; }            // [rows, C] before the norm after the MLP, where there is one
    public Tensor RstdMlp { get; set; }              // [rows]
    public LinearActivations KeptQuery { get; set; } // what each linear layer keeps
    public LinearActivations KeptQkv { get; set; }
    public LinearActivations KeptOutput { get; set; }
    public LinearActivations KeptGateUp { get; set; }
    public LinearActivations KeptDown { get; set; }
}
