namespace Rm.Kernels.Cuda;

/// <summary>What a kernel on wgmma computes.</summary>
internal enum HopperLayer
{
    /// <summary>Y = X W^T.</summary>
    Forward,

    /// <summary>The same, and the product of its gates and ups.</summary>
    SwiGlu,

    /// <summary>DX = DY W.</summary>
    Backward,
}
