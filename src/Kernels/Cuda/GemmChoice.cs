namespace Rm.Kernels.Cuda;

/// <summary>Whose kernels multiply activations with weights. Each gives the same bits on every run; two differ by rounding.</summary>
public enum GemmChoice
{
    /// <summary>btrm's own, with bias, residual and the low-rank product in the same kernel (native/cuda/linear.cu).</summary>
    Own,

    /// <summary>
    /// cuBLASLt where it is installed, for comparison: the low-rank product and the bias follow in a kernel of btrm's. The bits of a row
    /// may depend on how many rows there are.
    /// </summary>
    CublasLt,

    /// <summary>
    /// btrm's own for compute capability 9.0 on wgmma and TMA (native/cuda/linear_hopper.cu), everything in one kernel; has never run on
    /// hardware. Its sums are those of the tensor cores in slices of 16, so its bits differ from those of <see cref="Own"/>.
    /// </summary>
    Wgmma,
}
