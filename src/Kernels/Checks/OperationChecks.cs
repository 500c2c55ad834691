namespace Rm.Kernels.Checks;

/// <summary>The list of checks: at least one odd and one real shape of every operation.</summary>
internal static class OperationChecks
{
    /// <summary>Shapes of Qwen2.5-3B at this many tokens are the real ones.</summary>
    public const int RealTokens = 8192;

    /// <summary>Bytes of a bfloat16 activation and of a float32.</summary>
    public const double Wide = 4, Narrow = 2;

    /// <summary>All of them, in the order of a layer's forward.</summary>
    public static IReadOnlyList<OperationCheck> All { get; } =
        [.. RowChecks.All, .. NormChecks.All, .. LinearChecks.All, .. ExpertChecks.All, .. AttentionChecks.All, .. LossChecks.All];

    /// <summary>Large plain products, whose rate is the ceiling for others.</summary>
    public static IReadOnlyList<OperationCheck> LargeProducts { get; } = LinearChecks.LargeProducts;
}
