using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>What attention's backward needs of its forward; "rows" as in <see cref="LayerActivations"/>.</summary>
internal sealed class AttentionActivations : MixerActivations
{
    public Tensor? QueryInput { get; set; }          // [R, C] norm of the reward rows, pruned layer only; null when backward makes it again
    public Tensor Qkv { get; set; }                  // [T, H*D + 2*G*D], where one product gives all three
    public Tensor KeyValue { get; set; }             // [T, 2*G*D]
    public Tensor QueryGate { get; set; }            // [rows, 2*H*D] each head's query and gate, where attention has an output gate
    public Tensor Query { get; set; }                // [rows, H*D] after norm and RoPE
    public Tensor Key { get; set; }                  // [T, G*D] after norm and RoPE
    public Tensor Value { get; set; }                // [T, G*D]
    public Tensor RawQuery { get; set; }             // [rows, H*D] before the norm of queries, if any; [rows*H, D] beside a gate
    public Tensor RawKey { get; set; }               // [T, G*D]
    public Tensor RstdQuery { get; set; }            // [rows, H], or [rows, 1] where one norm covers all heads
    public Tensor RstdKey { get; set; }              // [T, G], likewise
    public Tensor QueryCosSin { get; set; }          // [rows, R]
    public Tensor Attention { get; set; }            // [rows, H*D] before the gate, where there is one
    public Tensor Lse { get; set; }                  // [rows, H]
    public Tensor DQuery { get; set; }               // gradient of the query projection, between the two steps of backward
    public Tensor DKeyValue { get; set; }            // likewise
    public Tensor DQkv { get; set; }                 // likewise
    public LinearActivations KeptQuery { get; set; } // what each linear layer keeps
    public LinearActivations KeptQkv { get; set; }
}
