using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cpu;

/// <summary>
/// A group of sequences gets the same bits whatever else is in its micro-batch, wherever it stands there and however many threads compute;
/// sums over rows get the same bits for every thread count.
/// </summary>
public sealed class CpuBitEqualityTests
{
    private const int Heads = 6, Groups = 2, D = 24, C = Heads * D, Kv = Groups * D;
    private static readonly int[][] s_groups = [[70, 9, 80], [0, 131], [1, 1, 1, 5], [33, 64, 3]];

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public void Every_output_is_the_same_for_every_thread_count(int threads)
    {
        Dictionary<string, float[]> one = Layer([0, 1, 2, 3], 1, out _);
        Dictionary<string, float[]> many = Layer([0, 1, 2, 3], threads, out _);
        foreach ((string name, float[] values) in one)
        {
            Assert.True(values.AsSpan().SequenceEqual(many[name]), $"{name} differs between 1 and {threads} threads");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_group_has_the_same_bits_alone_and_in_any_company(int group)
    {
        Dictionary<string, float[]> alone = Layer([group], 1, out _);
        foreach (int[] company in new int[][] { [0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2] })
        {
            Dictionary<string, float[]> together = Layer(company, 2, out Dictionary<int, Range> rows);
            foreach ((string name, float[] values) in alone.Where(output => !output.Key.StartsWith("sum", StringComparison.Ordinal)))
            {
                float[] all = together[name];
                int columns = values.Length / Tokens(group);
                (int start, int length) = rows[group].GetOffsetAndLength(all.Length / columns);
                Assert.True(
                    values.AsSpan().SequenceEqual(all.AsSpan(start * columns, length * columns)),
                    $"{name} of group {group} differs in company {string.Join(' ', company)}");
            }
        }
    }

    /// <summary>One attention block, forward and backward, with everything that could mix rows.</summary>
    private static Dictionary<string, float[]> Layer(int[] groups, int threads, out Dictionary<int, Range> rows)
    {
        using var backend = new CpuBackend(threads);
        using TensorArena arena = backend.CreateArena();
        var builder = new SequenceLayoutBuilder();
        rows = [];
        foreach (int g in groups)
        {
            int start = builder.TokenCount;
            Layouts.Add(builder, s_groups[g], (ulong)g);
            rows[g] = start..builder.TokenCount;
        }

        SequenceLayout layout = builder.Build();
        using PreparedLayout prepared = backend.Prepare(layout);
        int t = layout.TokenCount;
        Dictionary<int, Range> places = rows;

        // A row's input depends on its group and its place in it alone.
        Tensor Input(string name, int columns)
        {
            float[] values = new float[t * columns];
            foreach (int g in groups)
            {
                var random = new Random(HashOf(name) + g);
                (int start, int length) = places[g].GetOffsetAndLength(t);
                Fill(random, values.AsSpan(start * columns, length * columns));
            }

            Tensor tensor = backend.AllocatePersistent(DType.F32, new Shape(t, columns));
            backend.Upload<float>(values, tensor);
            return tensor;
        }

        Tensor Parameter(string name, int rowCount, int columns)
        {
            float[] values = new float[rowCount * columns];
            Fill(new Random(HashOf(name)), values);
            Tensor tensor = backend.AllocatePersistent(DType.F32, new Shape(rowCount, columns));
            backend.Upload<float>(values, tensor);
            return tensor;
        }

        Tensor New(int rowCount, int columns) => backend.AllocatePersistent(DType.F32, new Shape(rowCount, columns));

        Tensor x = Input("x", C), norm = New(t, C), rstd = New(1, t), normWeight = Parameter("norm", 1, C);
        backend.RmsNormForward(new(x, normWeight, 1e-5f, norm, rstd));
        using LinearWeight weight = backend.CreateFrozenWeight(C + (2 * Kv), C, needsInputGradient: true);
        float[] w = new float[(C + (2 * Kv)) * C];
        Fill(new Random(5), w);
        weight.Load(0, w);
        LoraFactors Lora(float dropout) => new(
            Parameter("a", 9, C), New(9, C),
            [new(0, 0, Parameter("bq", C, 4), New(C, 4), 1), new(C, 4, Parameter("bv", Kv, 5), New(Kv, 5), 2)], 0.5f,
            dropout == 0 ? null : new(dropout, 77));
        LoraFactors lora = Lora(0), dropped = Lora(0.2f);
        Tensor qkv = New(t, C + (2 * Kv)), qkvDropped = New(t, C + (2 * Kv)), s = New(t, 9), sDropped = New(t, 9);
        backend.LinearForward(new(prepared, norm, weight, Parameter("bias", 1, C + (2 * Kv)), null, lora, s, qkv));
        backend.LinearForward(new(prepared, norm, weight, null, null, dropped, sDropped, qkvDropped));
        Tensor cosSin = New(t, D);
        backend.RopeTable(new(prepared, [.. Enumerable.Range(0, D / 2).Select(i => 1f / (1 + i))], cosSin));
        backend.RopeApply(new(qkv.SliceColumns(0, C + Kv), cosSin, false));
        Tensor q = qkv.SliceColumns(0, C), k = qkv.SliceColumns(C, Kv), v = qkv.SliceColumns(C + Kv, Kv);
        Tensor o = New(t, C), lse = New(t, Heads), act = New(t, C / 2);
        backend.AttentionForward(new(prepared, q, k, v, D, 0.2f, o, lse));
        backend.SwiGluForward(new(o, act));

        Tensor dAct = Input("dact", C / 2), dO = New(t, C), dQkv = New(t, C + (2 * Kv)), dNorm = New(t, C), dDropped = New(t, C),
            dx = New(t, C);
        Tensor dNormWeight = New(1, C), dEmbedding = New(50, C), dBias = New(1, C + (2 * Kv)), dW = New(C + (2 * Kv), C);
        backend.SwiGluBackward(new(dAct, o, dO));
        backend.AttentionBackward(new(
            prepared, dO, q, k, v, o, lse, D, 0.2f, dQkv.SliceColumns(0, C), dQkv.SliceColumns(C, Kv), dQkv.SliceColumns(C + Kv, Kv),
            arena));
        backend.LinearBackward(new(prepared, dQkv, norm, weight, lora, s, dNorm, false, dW, dBias, arena));
        backend.LinearBackward(new(prepared, dQkv, norm, weight, dropped, sDropped, dDropped, false, null, null, arena));
        backend.RmsNormBackward(new(dNorm, x, normWeight, rstd, dO, dx, dNormWeight));
        backend.EmbeddingBackward(new(prepared, dx, dEmbedding));

        var result = new Dictionary<string, float[]>();
        foreach ((string name, Tensor tensor) in new[]
                 {
                     ("norm", norm), ("rstd", rstd.Reshape(new Shape(t, 1))), ("s", s), ("qkv", qkv), ("s dropped", sDropped),
                     ("qkv dropped", qkvDropped), ("o", o), ("lse", lse), ("act", act), ("dO", dO), ("dQkv", dQkv), ("dNorm", dNorm),
                     ("dNorm dropped", dDropped), ("dx", dx), ("sum dNormWeight", dNormWeight), ("sum dEmbedding", dEmbedding),
                     ("sum dBias", dBias), ("sum dW", dW), ("sum gradA", lora.GradA!.Value), ("sum gradB", lora.Parts[0].GradB!.Value),
                     ("sum gradA dropped", dropped.GradA!.Value), ("sum gradB dropped", dropped.Parts[1].GradB!.Value),
                 })
        {
            result[name] = new float[tensor.Shape.Count];
            backend.Download(tensor, result[name].AsSpan());
            Assert.All(result[name], value => Assert.True(float.IsFinite(value)));
        }

        result["sum norm"] = [(float)backend.Norm(dW)];
        return result;
    }

    private static int Tokens(int group) => s_groups[group].Sum();

    private static int HashOf(string name) => name.Aggregate(17, (hash, c) => (hash * 31) + c);

    private static void Fill(Random random, Span<float> values)
    {
        foreach (ref float value in values)
        {
            value = (2 * random.NextSingle()) - 1;
        }
    }
}
