using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Products by cuBLASLt: the yardstick for <see cref="CudaLinear"/>. A residual goes into the library's product; low-rank part and bias are
/// added by our own kernel, which rounds y to bfloat16 once more and reads and writes it once more.
/// </summary>
internal sealed class CublasLtLinear(CudaSession session, CudaLinear own) : IFrozenProduct<CudaLinearWeight>, IDisposable
{
    private readonly CublasLt _library = new(session);

    /// <inheritdoc/>
    public void Forward(Tensor x, CudaLinearWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y)
    {
        using NvtxRange range = new("linear_forward_cublaslt"u8);
        _library.Multiply(x, weight.Values, transposeWeight: true, residual, y);
        own.AddForward(extension, bias, y);
    }

    /// <inheritdoc/>
    public void InputGradient(Tensor dY, CudaLinearWeight weight, (Tensor DS, Tensor A)? extension, bool accumulate, Tensor dX)
    {
        using NvtxRange range = new("linear_backward_cublaslt"u8);
        _library.Multiply(dY, weight.Values, transposeWeight: false, accumulate ? dX : null, dX);
        own.AddInputGradient(extension, dX);
    }

    public void Dispose() => _library.Dispose();
}
