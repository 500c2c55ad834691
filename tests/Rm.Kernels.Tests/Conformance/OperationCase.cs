namespace Rm.Kernels.Tests.Conformance;

/// <summary>One declared check of one operation at one shape, for any backend.</summary>
/// <param name="Name">Operation and shape.</param>
/// <param name="Run">Makes inputs, runs the operation, compares with the reference.</param>
internal sealed record OperationCase(string Name, Action<OperationBench> Run);
