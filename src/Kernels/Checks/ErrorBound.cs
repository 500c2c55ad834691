namespace Rm.Kernels.Checks;

/// <summary>
/// How far a result may be from a trusted one: twice the error of the same formula computed naively in the same precision, plus a floor of
/// a few units in the last place of the largest value. The conformance tests and <c>btrm doctor --kernels</c> judge by it.
/// </summary>
public static class ErrorBound
{
    // Four roundings of float32, one of bfloat16 (whose results carry a rounding of storage besides).
    private const double FloorF32 = 4.0 / (1 << 24);
    private const double FloorBF16 = 1.0 / (1 << 8);

    // The other side is no better than float32 itself: its sums may be cut and ordered otherwise.
    private const double FloorBetweenF32 = 32.0 / (1 << 24);

    /// <summary>Largest error allowed against a reference in double precision.</summary>
    /// <param name="naiveError">Largest error of the naive computation.</param>
    /// <param name="largest">Largest magnitude of the reference.</param>
    /// <param name="bf16">Whether the operation computes with bfloat16 activations.</param>
    public static double Allowed(double naiveError, double largest, bool bf16) =>
        (2 * naiveError) + ((bf16 ? FloorBF16 : FloorF32) * largest);

    /// <summary>Largest error allowed against another float32 computation.</summary>
    /// <param name="storageError">Largest error that rounding the reference to the result's type makes; 0 for float32.</param>
    /// <param name="largest">Largest magnitude of the reference.</param>
    /// <param name="bf16">Whether the operation computes with bfloat16 activations.</param>
    public static double AllowedBetween(double storageError, double largest, bool bf16) =>
        (2 * storageError) + ((bf16 ? FloorBF16 : FloorBetweenF32) * largest);
}
