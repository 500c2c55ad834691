using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Products of bfloat16 activations with a weight, summed in float32, and what is added to them: the part of a linear layer for which
/// <see cref="GemmChoice"/> names an implementation. Rows of activations start at multiples of 16 bytes.
/// </summary>
/// <typeparam name="TWeight">The kind of weight.</typeparam>
internal interface IFrozenProduct<in TWeight>
    where TWeight : LinearWeight
{
    /// <summary>Y = X W^T (+ S B^T) (+ bias) (+ residual).</summary>
    /// <param name="x"><c>[T, In]</c>; rows may be strided.</param>
    /// <param name="weight"><c>[Out, In]</c>.</param>
    /// <param name="extension">S <c>[T, R]</c> and B <c>[Out, R]</c>, bfloat16, or null.</param>
    /// <param name="bias"><c>[Out]</c>, float32, or null.</param>
    /// <param name="residual"><c>[T, Out]</c>, or null; may be <paramref name="y"/>.</param>
    /// <param name="y"><c>[T, Out]</c>, =; rows may be strided.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    void Forward(Tensor x, TWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y);

    /// <summary>DX = DY W (+ DS A), or += with <paramref name="accumulate"/>.</summary>
    /// <param name="dY"><c>[T, Out]</c>; rows may be strided.</param>
    /// <param name="weight"><c>[Out, In]</c>.</param>
    /// <param name="extension">DS <c>[T, R]</c> and A <c>[R, In]</c>, bfloat16, or null.</param>
    /// <param name="accumulate">Whether dX is added to.</param>
    /// <param name="dX"><c>[T, In]</c>, = or +=; rows may be strided.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    void InputGradient(Tensor dY, TWeight weight, (Tensor DS, Tensor A)? extension, bool accumulate, Tensor dX);
}
