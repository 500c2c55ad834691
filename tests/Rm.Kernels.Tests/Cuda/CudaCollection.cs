namespace Rm.Kernels.Tests.Cuda;

/// <summary>Tests of one device: the emulator's memory size, seed and reports are the process's, so they run one after the other.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class CudaCollection
{
    public const string Name = "cuda";
}
