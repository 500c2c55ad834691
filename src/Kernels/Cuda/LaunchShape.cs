using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>How many threads a launch has and what they share.</summary>
/// <param name="Grid">Blocks.</param>
/// <param name="Block">Threads of a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block; above 48 KB the kernel must have been prepared for it.</param>
/// <param name="Cluster">Blocks of a cluster (Hopper on); the default is none.</param>
internal readonly record struct LaunchShape(Dim3 Grid, Dim3 Block, int SharedBytes = 0, Dim3 Cluster = default)
{
    public override string ToString() =>
        $"grid {Grid}, block {Block}, {SharedBytes} bytes of dynamic shared memory{(Cluster.X > 0 ? $", cluster {Cluster}" : "")}";
}
