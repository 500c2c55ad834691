namespace Rm.Training.RandomNumbers;

/// <summary>
/// The numbers of PyTorch's CPU generator: <c>uniform_</c>, <c>kaiming_uniform_</c>, <c>normal_</c> on contiguous float32 tensors and
/// <c>randperm</c>, in the order in which they are asked for. All are PyTorch's to the bit (compared with 2.13 and 2.14 on x86-64 with AVX2
/// or AVX-512); fewer than 16 normal numbers are computed in double precision, as there, and may differ in the last bit.
/// </summary>
public sealed class TorchGenerator
{
    // PyTorch fills tensors of at least this many elements in groups of as many.
    private const int Group = 16;

    private readonly MersenneTwister _engine;
    private double? _cachedNormal;

    /// <summary>The state after <c>torch.manual_seed(seed)</c>; of the seed, the engine takes the low 32 bits.</summary>
    public TorchGenerator(ulong seed) => _engine = new MersenneTwister((uint)seed);

    /// <summary>Fills a float32 tensor with <c>uniform_(low, high)</c>.</summary>
    public void Uniform(Span<float> values, float low, float high)
    {
        // PyTorch's compiler contracts the product and the sum into one rounding.
        float range = high - low;
        foreach (ref float value in values)
        {
            value = MathF.FusedMultiplyAdd(Unit(), range, low);
        }
    }

    /// <summary>
    /// Fills a weight of <paramref name="fanIn"/> inputs with <c>kaiming_uniform_(a=sqrt(5))</c>, the start of <c>nn.Linear</c> and of
    /// PEFT's A: within 1 / sqrt(fanIn).
    /// </summary>
    public void KaimingUniform(Span<float> values, int fanIn)
    {
        double a = Math.Sqrt(5), gain = Math.Sqrt(2 / (1 + (a * a)));
        double bound = Math.Sqrt(3) * (gain / Math.Sqrt(fanIn));
        Uniform(values, (float)-bound, (float)bound);
    }

    /// <summary>Passes over as many numbers as <see cref="Uniform"/> takes for <paramref name="count"/> elements.</summary>
    public void SkipUniform(long count)
    {
        for (; count > 0; count--)
        {
            _engine.Next();
        }
    }

    /// <summary>Fills a float32 tensor with <c>normal_(0, std)</c>.</summary>
    public void Normal(Span<float> values, double std)
    {
        if (values.Length < Group)
        {
            foreach (ref float value in values)
            {
                value = (float)(Normal() * std);
            }

            return;
        }

        Uniform(values, 0, 1);
        int start = 0;
        for (; start + Group <= values.Length; start += Group)
        {
            BoxMuller(values.Slice(start, Group), (float)std);
        }

        // The elements that fill no group are drawn again, with as many before them as make one.
        if (start < values.Length)
        {
            Span<float> last = values[^Group..];
            Uniform(last, 0, 1);
            BoxMuller(last, (float)std);
        }
    }

    /// <summary><c>torch.randperm(count)</c>.</summary>
    public void Permutation(Span<int> order)
    {
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        for (int i = 0; i < order.Length - 1; i++)
        {
            int j = i + (int)(_engine.Next() % (uint)(order.Length - i));
            (order[i], order[j]) = (order[j], order[i]);
        }
    }

    // [0, 1), a multiple of 2^-24: exact in float32.
    private float Unit() => (_engine.Next() & 0xFFFFFF) * (1f / 0x1000000);

    // [0, 1), a multiple of 2^-53; the first draw is the high half.
    private double DoubleUnit()
    {
        ulong high = _engine.Next();
        return (((high << 32) | _engine.Next()) & 0x1FFFFFFFFFFFFF) * (1.0 / (1UL << 53));
    }

    // One standard normal number; two are made at a time.
    private double Normal()
    {
        if (_cachedNormal is { } cached)
        {
            _cachedNormal = null;
            return cached;
        }

        double angle = 2 * Math.PI * DoubleUnit(), radius = Math.Sqrt(-2 * Math.Log(1 - DoubleUnit()));
        _cachedNormal = radius * Math.Sin(angle);
        return radius * Math.Cos(angle);
    }

    private static void BoxMuller(Span<float> group, float std)
    {
        const int Half = Group / 2;
        for (int j = 0; j < Half; j++)
        {
            float radius = MathF.Sqrt(-2 * CephesFloat.Log(1 - group[j]));
            (float sin, float cos) = CephesFloat.SinCos(2 * MathF.PI * group[j + Half]);
            group[j] = radius * cos * std;
            group[j + Half] = radius * sin * std;
        }
    }
}
