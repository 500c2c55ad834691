using System.Runtime.InteropServices;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Cuda;

/// <summary>LoRA dropout of one call as kernels take it.</summary>
internal static class LoraDropouts
{
    /// <summary>The factor of kept elements; kernels only zero the others, and products carry it in their scale.</summary>
    public static float Factor(LoraDropout? dropout) => dropout is null ? 1 : (float)(1 / (1 - (double)dropout.Probability));

    /// <summary>The launch argument for one part's mask; without dropout all zero.</summary>
    /// <param name="dropout">Dropout, or null for none.</param>
    /// <param name="keys">Address of the rows' token keys, or 0 without dropout.</param>
    /// <param name="stream">The part's own stream of numbers.</param>
    public static DropoutLaunch Of(LoraDropout? dropout, nint keys, uint stream) => dropout is null ? default : new DropoutLaunch
    {
        Keys = keys,
        Seed = unchecked((long)dropout.Seed),
        Stream = unchecked((int)stream),
        Threshold = unchecked((int)DropoutMask.Threshold(dropout.Probability)),
    };
}

/// <summary>DropoutArgs of common/dropout.cuh; the numbers are unsigned there.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DropoutLaunch
{
    public nint Keys;
    public long Seed;
    public int Stream;
    public int Threshold;
}
