using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cpu;

/// <summary>
/// Attention over a shared prefix gives what separate sequences give, and its gradients add up over the copies of the prefix.
/// </summary>
public sealed class CpuPrefixSharingTests
{
    private const int Heads = 4, Groups = 2, D = 32, C = Heads * D, Kv = Groups * D;

    [Theory]
    [InlineData(new[] { 70, 9, 80 })]
    [InlineData(new[] { 1, 1, 1 })]
    [InlineData(new[] { 129, 1, 33, 64 })]
    public void Sharing_changes_nothing(int[] group)
    {
        SequenceLayout shared = Layouts.Of(group);
        SequenceLayout separate = Layouts.WithoutSharing(group, 0);

        // Which shared row each separate row is.
        int[] origin = [.. Origins(group)];
        Assert.Equal(separate.Tokens, origin.Select(row => shared.Tokens[row]));
        Assert.Equal(separate.Positions, origin.Select(row => shared.Positions[row]));

        float[] q = Values(shared.TokenCount * C, 1), k = Values(shared.TokenCount * Kv, 2), v = Values(shared.TokenCount * Kv, 3);
        float[] dO = Values(shared.TokenCount * C, 4);

        // The prefix's own outputs count once, so their gradient must not come from every copy.
        float[] dOSeparate = Rows(dO, origin, C);
        for (int row = shared.Segments[0].Length + group[1]; row < origin.Length; row++)
        {
            if (origin[row] < group[0])
            {
                dOSeparate.AsSpan(row * C, C).Clear();
            }
        }

        Dictionary<string, float[]> one = Run(shared, q, k, v, dO);
        Dictionary<string, float[]> many = Run(separate, Rows(q, origin, C), Rows(k, origin, Kv), Rows(v, origin, Kv), dOSeparate);
        AssertClose(Rows(one["o"], origin, C), many["o"]);
        AssertClose(one["dk"], SumOfCopies(many["dk"], origin, Kv, shared.TokenCount));
        AssertClose(one["dv"], SumOfCopies(many["dv"], origin, Kv, shared.TokenCount));
        AssertClose(one["dq"], SumOfCopies(many["dq"], origin, C, shared.TokenCount));
    }

    private static IEnumerable<int> Origins(int[] group)
    {
        int tail = group[0];
        foreach (int length in group.Skip(1))
        {
            for (int i = 0; i < group[0]; i++)
            {
                yield return i;
            }

            for (int i = 0; i < length; i++)
            {
                yield return tail + i;
            }

            tail += length;
        }
    }

    private static Dictionary<string, float[]> Run(SequenceLayout layout, float[] q, float[] k, float[] v, float[] dO)
    {
        using var backend = new CpuBackend(2);
        using TensorArena arena = backend.CreateArena();
        using PreparedLayout prepared = backend.Prepare(layout);
        int t = layout.TokenCount;
        Tensor Upload(float[] values, int columns)
        {
            Tensor tensor = backend.AllocatePersistent(DType.F32, new Shape(t, columns));
            backend.Upload<float>(values, tensor);
            return tensor;
        }

        Tensor New(int columns) => backend.AllocatePersistent(DType.F32, new Shape(t, columns));
        Tensor qt = Upload(q, C), kt = Upload(k, Kv), vt = Upload(v, Kv), o = New(C), lse = New(Heads), dq = New(C), dk = New(Kv),
            dv = New(Kv);
        backend.AttentionForward(new(prepared, qt, kt, vt, D, 0.18f, o, lse));
        backend.AttentionBackward(new(prepared, Upload(dO, C), qt, kt, vt, o, lse, D, 0.18f, dq, dk, dv, arena));
        var result = new Dictionary<string, float[]>();
        foreach ((string name, Tensor tensor) in new[] { ("o", o), ("dq", dq), ("dk", dk), ("dv", dv) })
        {
            result[name] = new float[tensor.Shape.Count];
            backend.Download(tensor, result[name].AsSpan());
        }

        return result;
    }

    private static float[] Rows(float[] values, int[] rows, int columns) =>
        [.. rows.SelectMany(row => values.AsSpan(row * columns, columns).ToArray())];

    private static float[] SumOfCopies(float[] values, int[] origin, int columns, int rows)
    {
        double[] sum = new double[rows * columns];
        for (int row = 0; row < origin.Length; row++)
        {
            for (int c = 0; c < columns; c++)
            {
                sum[(origin[row] * columns) + c] += values[(row * columns) + c];
            }
        }

        return Array.ConvertAll(sum, value => (float)value);
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-5, $"element {i}: {expected[i]} with sharing, {actual[i]} without");
        }
    }

    private static float[] Values(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (2 * random.NextSingle()) - 1)];
    }
}
