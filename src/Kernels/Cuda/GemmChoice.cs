namespace Rm.Kernels.Cuda;

/// <summary>Whose kernels multiply activations with weights. Each gives the same bits on every run; two differ by rounding.</summary>
public enum GemmChoice
{
    /// <summary>btrm's own, with bias, residual and the low-rank product in the same kernel (native/cuda/linear.cu).</summary>
    Own,

    /// <summary>cuBLASLt where it is installed, for comparison: the low-rank product and the bias follow in a kernel of btrm's. The bits of a row may depend
    /// on how many rows there are.</summary>
    CublasLt,
}
