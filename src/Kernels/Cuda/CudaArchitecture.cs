namespace Rm.Kernels.Cuda;

/// <summary>A GPU architecture by its compute capability.</summary>
/// <param name="Major">Generation: 8 Ampere and Ada, 9 Hopper, 10 and 12 Blackwell.</param>
/// <param name="Minor">Member of the generation.</param>
public readonly record struct CudaArchitecture(int Major, int Minor)
{
    /// <summary>The oldest architecture with what every kernel uses: bfloat16 mma, cp.async, ldmatrix.</summary>
    public static CudaArchitecture Minimum => new(8, 0);

    /// <summary>The architecture that alone has wgmma.</summary>
    public static CudaArchitecture Hopper => new(9, 0);

    /// <summary>Major and minor as the compilers write them: 80, 90, 100.</summary>
    public int Number => (Major * 10) + Minor;

    /// <summary>Whether the kernels run on it.</summary>
    public bool IsSupported => Number >= Minimum.Number;

    /// <summary>
    /// The machine-code target: sm_80, sm_90a. From Hopper on the architecture-specific form, without which wgmma and
    /// its successors do not compile.
    /// </summary>
    public string Target => Number >= 90 ? $"sm_{Number}a" : $"sm_{Number}";

    /// <inheritdoc/>
    public override string ToString() => $"{Major}.{Minor}";
}
