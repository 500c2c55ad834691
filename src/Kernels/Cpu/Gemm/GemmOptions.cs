namespace Rm.Kernels.Cpu.Gemm;

/// <summary>What a product C [M, N] = A B does besides. The default does nothing more.</summary>
/// <remarks>
/// The order for each element of C is fixed: start at 0 or at C, the K steps, the extension's R steps, plus bias, plus residual.
/// </remarks>
public readonly ref struct GemmOptions
{
    /// <summary>Whether the product is added to what C holds (<c>+=</c>) instead of replacing it (<c>=</c>).</summary>
    public bool Accumulate { get; init; }

    /// <summary>Added to every row, [N]; empty for none.</summary>
    public ReadOnlySpan<float> Bias { get; init; }

    /// <summary>Added at the end, [M, N]; empty for none. May be C itself.</summary>
    public ReadOnlyMatrix Residual { get; init; }

    /// <summary>Left operand S [M, R] of the K extension, which adds S * <see cref="ExtensionB"/>; empty for none.</summary>
    public ReadOnlyMatrix ExtensionA { get; init; }

    /// <summary>
    /// Right operand of the K extension, [R, N], or [N, R] with <see cref="TransposeExtensionB"/>. Rows at its start and end that are 0
    /// in all of 32 columns (aligned at a multiple of 32) are skipped there, so a block-diagonal operand costs only its blocks; a NaN or
    /// infinity of S does not pass through such a row.
    /// </summary>
    public ReadOnlyMatrix ExtensionB { get; init; }

    /// <summary>Whether <see cref="ExtensionB"/> is given as [N, R].</summary>
    public bool TransposeExtensionB { get; init; }
}
