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
    public Tensor RawQuery { get; set; }             // [rows, H*D] before the head norm, Qwen3 only
    public Tensor RawKey { get; set; }               // [T, G*D]
    public Tensor RstdQuery { get; set; }            // [rows, H]
    public Tensor RstdKey { get; set; }              // [T, G]
    public Tensor QueryCosSin { get; set; }          // [rows, D]
    public Tensor Attention { get; set; }            // [rows, H*D]
    public Tensor Lse { get; set; }                  // [rows, H]
    public Tensor Middle { get; set; }               // [rows, C] after the attention residual
    public Tensor? Norm2 { get; set; }               // [rows, C], null when backward makes it again
    public Tensor Rstd2 { get; init; }               // [rows]
    public Tensor GateUp { get; set; }               // [rows, 2F]; backward overwrites it with its gradient
    public Tensor? SwiGlu { get; set; }              // [rows, F], likewise
    public Tensor? SQuery { get; set; }              // low-rank products x A^T of each linear layer
    public Tensor? SQkv { get; set; }
    public Tensor? SOutput { get; set; }
    public Tensor? SGateUp { get; set; }
    public Tensor? SDown { get; set; }
}
