namespace Rm.Kernels.Checks;

/// <summary>What came of one check.</summary>
/// <param name="Operation">Method of <see cref="Ops.IBackend"/>.</param>
/// <param name="Shape">Sizes and variant.</param>
/// <param name="Output">The output that came nearest to its bound, or went furthest beyond.</param>
/// <param name="Error">
/// Its largest error as a share of the reference's largest value; NaN where a value is not finite or was never written.
/// </param>
/// <param name="Bound">Largest share allowed.</param>
/// <param name="Passed">Whether every output is within its bound.</param>
/// <param name="Problem">What the operation threw, or null.</param>
/// <param name="Seconds">Median time of a call from a cold second-level cache; null where nothing is timed.</param>
/// <param name="Flops">Floating-point operations of a call; 0 for an operation that memory bounds.</param>
/// <param name="Bytes">Bytes that a call must read and write at least.</param>
/// <param name="ShareOfCeiling">
/// Rate by the card's measured ceiling: matrix products for FLOPs, copying for bytes; null where nothing is timed.
/// </param>
public sealed record OperationCheckResult(
    string Operation, string Shape, string Output, double Error, double Bound, bool Passed, string? Problem, double? Seconds, double Flops,
    double Bytes, double? ShareOfCeiling);

/// <summary>Rates that the card reached before the checks.</summary>
/// <param name="CopyBytesPerSecond">Read and written by the driver's copy within the device.</param>
/// <param name="GemmFlopsPerSecond">Of the fastest of our own large products.</param>
public sealed record DeviceCeilings(double CopyBytesPerSecond, double GemmFlopsPerSecond);
