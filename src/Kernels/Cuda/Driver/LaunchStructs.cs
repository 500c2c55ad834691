using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>CUlaunchConfig of cuLaunchKernelEx.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeLaunchConfig
{
    public uint GridX, GridY, GridZ;
    public uint BlockX, BlockY, BlockZ;
    public uint SharedBytes;
    public nint Stream;
    public NativeLaunchAttribute* Attributes;
    public uint AttributeCount;
}

/// <summary>CUlaunchAttribute: an id and 64 bytes of value, of which the cluster's size is the only one that we set.</summary>
[StructLayout(LayoutKind.Explicit, Size = 72)]
internal struct NativeLaunchAttribute
{
    /// <summary>CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION.</summary>
    public const uint ClusterDimension = 4;

    [FieldOffset(0)]
    public uint Id;

    [FieldOffset(8)]
    public uint ClusterX;

    [FieldOffset(12)]
    public uint ClusterY;

    [FieldOffset(16)]
    public uint ClusterZ;
}

/// <summary>CUuuid.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal unsafe struct NativeUuid
{
    public fixed byte Bytes[16];
}
