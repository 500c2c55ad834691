namespace Rm.Kernels.Cuda;

/// <summary>
/// Dense bfloat16 products with float32 sums that a card's data sheet promises, by its name: the "peak" of a report. Clocks under load are
/// often lower, so no kernel reaches it.
/// </summary>
public static class TensorPeak
{
    // The first that the name contains; longer names first.
    private static readonly (string Name, double Flops)[] Known =
    [
        ("GB200", 2500e12), ("B200", 2250e12), ("B100", 1750e12), ("GH200", 989.5e12), ("H200", 989.5e12), ("H100 PCIe", 756e12),
        ("H100 NVL", 835.5e12), ("H100", 989.5e12), ("H800", 989.5e12), ("H20", 148e12), ("A100", 312e12), ("A800", 312e12),
        ("L40S", 362e12),
        ("L40", 181e12), ("L4", 121e12), ("A40", 149.7e12), ("A30", 165e12), ("A10G", 70e12), ("A10", 125e12), ("RTX 4090", 165.2e12),
        ("RTX 3090", 71e12), ("RTX A6000", 154.8e12),
    ];

    /// <summary>FLOP/s of the card that <paramref name="deviceName"/> names, or null for one that is not known here.</summary>
    public static double? Of(string deviceName)
    {
        ArgumentNullException.ThrowIfNull(deviceName);
        foreach ((string name, double flops) in Known)
        {
            if (deviceName.Contains(name, StringComparison.OrdinalIgnoreCase))
            {
                return flops;
            }
        }

        return null;
    }
}
