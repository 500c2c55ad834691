namespace Rm.Kernels.Cuda.Driver;

/// <summary>Extent of a grid in blocks, of a block in threads, or of a cluster in blocks.</summary>
internal readonly record struct Dim3(uint X, uint Y = 1, uint Z = 1)
{
    public static implicit operator Dim3(int x) => new(checked((uint)x));

    public override string ToString() => $"({X}, {Y}, {Z})";
}
