namespace Rm.Kernels.Checks;

/// <summary>One operation at one shape, to be run on two backends.</summary>
/// <param name="Operation">Method of <see cref="Ops.IBackend"/> or <see cref="Ops.IExpertOperations"/>.</param>
/// <param name="Shape">Sizes and variant.</param>
/// <param name="IsSingle">Whether the operation computes in float32 whatever the activation type.</param>
/// <param name="IsReal">Whether the shape is that of a real model: too much for the emulator.</param>
/// <param name="Flops">Floating-point operations of one call; 0 for an operation that memory bounds.</param>
/// <param name="Bytes">Bytes that one call must read and write at least, with activations of two bytes.</param>
/// <param name="Prepare">Makes the arguments; what it returns runs the operation, as often as one likes.</param>
internal sealed record OperationCheck(
    string Operation, string Shape, bool IsSingle, bool IsReal, double Flops, double Bytes, Func<CheckSide, Action> Prepare);
