using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// A weight under training: the float32 master is a range of the flat parameter buffer. In bfloat16 a working copy is multiplied with,
/// which <see cref="Refresh"/> brings up to date; in float32 the master itself is.
/// </summary>
internal sealed class CudaTrainableWeight : CudaLinearWeight
{
    private readonly Tensor _master;

    /// <summary>A weight over <paramref name="master"/>; not usable before the first <see cref="Refresh"/>.</summary>
    /// <exception cref="ArgumentException">The master is not float32, or has gaps.</exception>
    /// <exception cref="Driver.CudaException">Out of device memory.</exception>
    public CudaTrainableWeight(CudaSession session, Tensor master, DType dtype)
        : base(session, master.Rows, master.Columns, dtype, dtype == DType.F32 ? master : null)
    {
        LaunchChecks.Contiguous(nameof(master), master, DType.F32, master.Rows, master.Columns);
        _master = master;
    }

    /// <inheritdoc/>
    public override bool IsTrainable => true;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Always: values go into the master.</exception>
    public override void Load(int firstRow, ReadOnlySpan<float> values) =>
        throw new InvalidOperationException("A trainable weight is filled through its master in the parameter buffer.");

    /// <summary>Rounds the master into the working copy.</summary>
    public void Refresh(CudaLoraFactors rounding)
    {
        if (Values.DType != DType.F32)
        {
            rounding.Round(_master, Values);
        }
    }
}
