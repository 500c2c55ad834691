using System.Runtime.InteropServices;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>The attention kernels: the declared cases, the independence of rows to the bit, and what the launcher refuses.</summary>
[Collection(CudaCollection.Name)]
public sealed class CudaAttentionTests
{
    private static readonly Dictionary<string, OperationCase> Cases = AttentionCases.All.ToDictionary(static one => one.Name);

    public static TheoryData<string, DType> CasesAndTypes { get; } =
    [
        .. from name in Cases.Keys
           from type in new[] { DType.BF16, DType.F32 }
           select (name, type),
    ];

    [Theory]
    [MemberData(nameof(CasesAndTypes))]
    public void Attention_matches_its_reference(string name, DType activation)
    {
        CudaTest.OpenDevice().Dispose();

        // Schedules must not matter; each case gets its own, so that all together see many.
        if (CudaLibraries.IsEmulated)
        {
            Emulator.SetSeed((ulong)Cases.Keys.ToList().IndexOf(name));
        }

        using (CudaSession session = new(ordinal: 0))
        using (CudaPiecesBackend backend = new(session, activation))
        using (OperationBench bench = new(backend, seed: 1))
        {
            Cases[name].Run(bench);
            bench.CheckInputs();
        }

        if (CudaLibraries.IsEmulated)
        {
            Assert.Equal("", Emulator.LeakReport);
        }
    }
}
