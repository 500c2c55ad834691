using System.Runtime.InteropServices;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>The attention kernels beyond the declared cases: the independence of rows to the bit, and what the launcher refuses.</summary>
[Collection(CudaCollection.Name)]
public sealed class CudaAttentionTests
{
    /// <summary>A group of sequences between others, and by itself: every output row has the same bits.</summary>
    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F32)]
    public void A_row_depends_on_its_own_group_alone(DType activation)
    {
        CudaTest.OpenDevice().Dispose();
        int[] group = [70, 9, 80];
        int tokens = group.Sum();
        using CudaBackend backend = new(ordinal: 0, activation);
        uint[][] alone = Run(backend, Layouts.Of(group), 0, tokens);
        uint[][] between = Run(backend, Layouts.Of([33, 5, 6], group, [0, 40]), 44, tokens);
        for (int output = 0; output < alone.Length; output++)
        {
            Assert.Equal(alone[output], between[output]);
        }
    }

    [Fact]
    public void What_the_kernels_cannot_take_is_refused_by_name()
    {
        CudaTest.OpenDevice().Dispose();
        using CudaBackend backend = new(ordinal: 0, DType.BF16);
        using PreparedLayout layout = backend.Prepare(Layouts.Of([5, 3, 4]));
        Tensor q = backend.AllocatePersistent(DType.BF16, new Shape(12, 64)), k = backend.AllocatePersistent(DType.BF16, new Shape(12, 32));
        Tensor lse = backend.AllocatePersistent(DType.F32, new Shape(12, 4));
        AttentionForwardArgs good = new(layout, q, k, k, 16, 0.25f, q, lse);
        Refused(good with { HeadDim = 257 }, "1 to 256");
        Refused(good with { HeadDim = 24 }, "heads of 24");
        Refused(good with { Scale = float.NaN }, "NaN");
        Refused(good with { V = q }, "V is");
        Refused(good with { Lse = lse.SliceColumns(0, 3) }, "Lse is");
        Refused(good with { Q = q.SliceRows(0, 2), O = q.SliceRows(0, 2), Lse = lse.SliceRows(0, 2), QueryRows = [4, 3] }, "ascend");
        Refused(good with { Q = q.SliceRows(0, 1), O = q.SliceRows(0, 1), Lse = lse.SliceRows(0, 1), QueryRows = [12] }, "outside");

        void Refused(AttentionForwardArgs args, string part) =>
            Assert.Contains(
                part, Assert.ThrowsAny<ArgumentException>(() => backend.AttentionForward(args)).Message, StringComparison.Ordinal);
    }

    // Bits of o, lse, dq, dk and dv of `count` tokens from `first` on; their inputs are the same numbers wherever they stand.
    private static uint[][] Run(CudaBackend backend, SequenceLayout layout, int first, int count)
    {
        const int HeadDim = 32, Wide = 2 * HeadDim, Narrow = HeadDim;
        float scale = (float)(1 / Math.Sqrt(HeadDim));
        using PreparedLayout prepared = backend.Prepare(layout);
        using TensorArena scratch = backend.CreateArena();
        Tensor q = Input(1, Wide), k = Input(2, Narrow), v = Input(3, Narrow), dO = Input(4, Wide);
        Tensor o = Empty(Wide), dq = Empty(Wide), dk = Empty(Narrow), dv = Empty(Narrow);
        Tensor lse = backend.AllocatePersistent(DType.F32, new Shape(layout.TokenCount, Wide / HeadDim));
        backend.AttentionForward(new AttentionForwardArgs(prepared, q, k, v, HeadDim, scale, o, lse));
        backend.AttentionBackward(new AttentionBackwardArgs(prepared, dO, q, k, v, o, lse, HeadDim, scale, dq, dk, dv, scratch));

        // The rows that the last layer asks for have the bits that they have among all rows.
        int[] rows = layout.RewardRows;
        Tensor some = backend.AllocatePersistent(backend.ActivationDType, new Shape(rows.Length, Wide));
        Tensor someO = backend.AllocatePersistent(backend.ActivationDType, new Shape(rows.Length, Wide));
        Tensor someLse = backend.AllocatePersistent(DType.F32, new Shape(rows.Length, Wide / HeadDim));
        uint[] qBits = Bits(q);
        Upload([.. rows.SelectMany(row => qBits.Skip(row * Wide).Take(Wide))], some);
        backend.AttentionForward(new AttentionForwardArgs(prepared, some, k, v, HeadDim, scale, someO, someLse) { QueryRows = rows });
        uint[] oBits = Bits(o);
        Assert.Equal([.. rows.SelectMany(row => oBits.Skip(row * Wide).Take(Wide))], Bits(someO));

        return [.. new[] { o, lse, dq, dk, dv }.Select(output => Bits(output.SliceRows(first, count)))];

        Tensor Input(int seed, int columns)
        {
            Random own = new(seed), other = new(seed + 100);
            uint[] bits = new uint[layout.TokenCount * columns];
            for (int row = 0; row < layout.TokenCount; row++)
            {
                Random random = row >= first && row < first + count ? own : other;
                for (int c = 0; c < columns; c++)
                {
                    uint word = BitConverter.SingleToUInt32Bits((float)((2 * random.NextDouble()) - 1));
                    bits[(row * columns) + c] = backend.ActivationDType == DType.BF16 ? word >> 16 : word;
                }
            }

            Tensor tensor = Empty(columns);
            Upload(bits, tensor);
            return tensor;
        }

        Tensor Empty(int columns) => backend.AllocatePersistent(backend.ActivationDType, new Shape(layout.TokenCount, columns));

        void Upload(uint[] bits, Tensor tensor)
        {
            if (tensor.DType == DType.BF16)
            {
                backend.Upload<ushort>(Array.ConvertAll(bits, static word => (ushort)word), tensor);
            }
            else
            {
                backend.Upload<float>(MemoryMarshal.Cast<uint, float>(bits), tensor);
            }
        }

        uint[] Bits(Tensor tensor)
        {
            if (tensor.DType == DType.F32)
            {
                uint[] words = new uint[tensor.Shape.Count];
                backend.Download(tensor, MemoryMarshal.Cast<uint, float>(words.AsSpan()));
                return words;
            }

            ushort[] halves = new ushort[tensor.Shape.Count];
            backend.Download<ushort>(tensor, halves);
            return Array.ConvertAll(halves, static half => (uint)half);
        }
    }
}
