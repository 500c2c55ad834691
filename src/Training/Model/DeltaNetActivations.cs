using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>What a gated delta net's backward needs of its forward. N = 2 Hk Dk + Hv Dv, V = Hv Dv.</summary>
internal sealed class DeltaNetActivations : MixerActivations
{
    public Tensor Wide { get; set; }                 // [T, N + 2 Hv + 2 V]: the projections qkv, b, a, z and, behind z, the normed output
    public Tensor Convolved { get; set; }            // [T, N] queries, keys, values
    public Tensor Output { get; set; }               // [T, V] of the delta rule
    public Tensor Rstd { get; set; }                 // [T, Hv]
    public Tensor Gated { get; set; }                // [T, V]; the mixed rows are taken from it in the pruned layer
    public Tensor States { get; set; }               // [chunks, Hv Dk Dv] at chunk starts
    public Tensor DWide { get; set; }                // gradient of Wide, between the two steps of backward
    public LinearActivations KeptInput { get; set; } // what the projections keep
}
