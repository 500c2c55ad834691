using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cpu;

/// <summary>What may not change a gated delta rule: the chunk size and a shared prefix beyond rounding, a neighbour not by a bit.</summary>
public sealed class CpuDeltaRuleTests
{
    private static readonly DeltaRuleShape Shape = new(2, 4, 24, 16);

    [Fact]
    public void Chunks_of_32_and_64_agree_within_1e_5()
    {
        SequenceLayout layout = Layouts.Of([0, 139], [70, 9, 80], [0, 1]);
        float[][] inputs = Inputs(layout.TokenCount);
        float[][] wide = Run(Shape, layout, inputs), narrow = Run(Shape with { Chunk = 32 }, layout, inputs);
        foreach ((float[] a, float[] b) in wide.Zip(narrow))
        {
            double largest = Math.Max(1, a.Max(Math.Abs));
            Assert.All(a.Zip(b), p => Assert.Equal(p.First, p.Second, 1e-5 * largest));
        }
    }

    [Fact]
    public void Neighbours_change_no_bit()
    {
        SequenceLayout packed = Layouts.Of([0, 33], [0, 100], [0, 65]);
        float[][] inputs = Inputs(packed.TokenCount);
        float[][] together = Run(Shape, packed, inputs);
        SequenceLayout alone = Layouts.Of([0, 100]);
        float[][] single =
            Run(Shape, alone, [.. inputs.Select(rows => rows.Length == Shape.ValueHeads ? rows : Rows(rows, packed.TokenCount, 33, 100))]);

        // O, dQkv, dA, dB; the gradients of the parameters are sums over everything.
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(single[i], Rows(together[i], packed.TokenCount, 33, 100));
        }
    }

    [Fact]
    public void A_prefix_of_whole_chunks_changes_no_bit_of_the_outputs()
    {
        SequenceLayout shared = Layouts.Of([64, 30, 70]), alone = Layouts.Of([0, 134]);
        float[][] inputs = Inputs(shared.TokenCount);
        float[][] one = Run(Shape, shared, inputs);

        // Prefix and second tail, without the first.
        float[][] copy = [.. inputs.Select(v => v.Length == Shape.ValueHeads
            ? v
            : (float[])[.. Rows(v, shared.TokenCount, 0, 64), .. Rows(v, shared.TokenCount, 94, 70)])];
        float[][] many = Run(Shape, alone, copy);
        Assert.Equal(Rows(many[0], 134, 64, 70), Rows(one[0], shared.TokenCount, 94, 70));
    }

    private static float[] Rows(float[] values, int rows, int first, int count)
    {
        int columns = values.Length / rows;
        return values[(first * columns)..((first + count) * columns)];
    }

    private static float[][] Inputs(int tokens)
    {
        var random = new Random(5);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble()) - 1))];
        return
        [
            Values(tokens * Shape.QkvColumns), Values(tokens * Shape.ValueHeads), Values(tokens * Shape.ValueHeads),
            Values(Shape.ValueHeads),
            Values(Shape.ValueHeads), Values(tokens * Shape.ValueColumns),
        ];
    }

    private static float[][] Run(DeltaRuleShape shape, SequenceLayout layout, float[][] inputs)
    {
        using var backend = new CpuBackend(2);
        using PreparedLayout prepared = backend.Prepare(layout);
        using TensorArena scratch = backend.CreateArena();
        int tokens = layout.TokenCount;
        Tensor New(int rows, int columns, float[]? values = null)
        {
            Tensor tensor = backend.AllocatePersistent(DType.F32, new Shape(rows, columns));
            if (values is not null)
            {
                backend.Upload<float>(values, tensor);
            }

            return tensor;
        }

        Tensor qkv = New(tokens, shape.QkvColumns, inputs[0]), a = New(tokens, shape.ValueHeads, inputs[1]),
            b = New(tokens, shape.ValueHeads, inputs[2]);
        Tensor aLog = New(1, shape.ValueHeads, inputs[3]), dtBias = New(1, shape.ValueHeads, inputs[4]),
            dO = New(tokens, shape.ValueColumns, inputs[5]);
        Tensor states = New(shape.ChunkCount(layout), shape.StateColumns), o = New(tokens, shape.ValueColumns);
        Tensor dQkv = New(tokens, shape.QkvColumns), dA = New(tokens, shape.ValueHeads), dB = New(tokens, shape.ValueHeads);
        Tensor dALog = New(1, shape.ValueHeads), dDtBias = New(1, shape.ValueHeads);
        backend.DeltaRuleForward(new DeltaRuleForwardArgs(prepared, shape, qkv, a, b, aLog, dtBias, o, states));
        backend.DeltaRuleBackward(
            new DeltaRuleBackwardArgs(prepared, shape, dO, qkv, a, b, aLog, dtBias, states, dQkv, dA, dB, dALog, dDtBias, scratch));
        return [.. new[] { o, dQkv, dA, dB, dALog, dDtBias }.Select(tensor =>
        {
            float[] values = new float[tensor.Shape.Count];
            backend.Download<float>(tensor, values);
            return values;
        })];
    }
}
