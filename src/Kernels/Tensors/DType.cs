namespace Rm.Kernels.Tensors;

/// <summary>Element type of a tensor.</summary>
public enum DType
{
    /// <summary>IEEE binary32.</summary>
    F32,

    /// <summary>bfloat16: the upper 16 bits of a binary32.</summary>
    BF16,

    /// <summary>IEEE binary16.</summary>
    F16,

    /// <summary>Signed 32-bit integer.</summary>
    I32,
}

/// <summary>Sizes of <see cref="DType"/> elements.</summary>
public static class DTypes
{
    /// <summary>Size of one element in bytes.</summary>
    public static int Size(this DType dtype) => dtype is DType.F32 or DType.I32 ? 4 : 2;
}
