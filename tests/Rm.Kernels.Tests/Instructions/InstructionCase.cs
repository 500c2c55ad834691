namespace Rm.Kernels.Tests.Instructions;

/// <summary>One instruction, or one function of the device's library, on inputs that are the same everywhere.</summary>
/// <param name="Name">What it is and how it is laid out.</param>
/// <param name="MinimumArchitecture">Compute capability it needs: 80 or 90.</param>
/// <param name="Rule">How close two devices must be.</param>
/// <param name="Run">Gives the words of its results.</param>
internal sealed record InstructionCase(string Name, int MinimumArchitecture, InstructionRule Rule, Func<InstructionDevice, uint[]> Run)
{
    public override string ToString() => Name;
}

/// <summary>How close the words of two devices must be.</summary>
/// <param name="Ulps">For float32: how many representable numbers they may be apart; 0 compares bits, and NaN equals NaN.</param>
/// <param name="Absolute">For float32: a difference that is allowed besides, where terms cancel.</param>
internal readonly record struct InstructionRule(int Ulps = 0, float Absolute = 0)
{
    /// <summary>
    /// The first word that differs by more than the rule allows, or -1; vectors of unequal length differ at the end of the shorter.
    /// </summary>
    public int FirstDifference(ReadOnlySpan<uint> one, ReadOnlySpan<uint> other)
    {
        int count = Math.Min(one.Length, other.Length);
        for (int i = 0; i < count; i++)
        {
            if (!Agree(one[i], other[i]))
            {
                return i;
            }
        }

        return one.Length == other.Length ? -1 : count;
    }

    private bool Agree(uint one, uint other)
    {
        if (one == other)
        {
            return true;
        }

        if (Ulps == 0 && Absolute == 0)
        {
            return false;
        }

        float a = BitConverter.UInt32BitsToSingle(one), b = BitConverter.UInt32BitsToSingle(other);
        return (float.IsNaN(a) && float.IsNaN(b)) || Math.Abs(Ordered(one) - Ordered(other)) <= Ulps || Math.Abs((double)a - b) <= Absolute;
    }

    // The place of a number among all float32, so that neighbours differ by one; both zeros are at 0.
    private static long Ordered(uint bits) => (bits & 0x8000_0000) == 0 ? bits : -(long)(bits & 0x7FFF_FFFF);
}
