using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>Random weights made on the device.</summary>
[Collection(CudaCollection.Name)]
public sealed class CudaRandomTests
{
    [Fact]
    public void Numbers_are_uniform_repeatable_and_stay_inside_their_rows()
    {
        CudaTest.OpenDevice().Dispose();
        using CudaBackend backend = new();
        Tensor block = backend.AllocatePersistent(DType.F32, new Shape(40, 1033));
        Tensor view = block.SliceColumns(3, 1027);
        Assert.True(backend.TryFillRandom(view, 2, seed: 5));
        float[] first = Read(backend, block), values = [.. Inside(first)];
        Assert.All(values, static value => Assert.InRange(value, -1, 1));
        Assert.InRange(values.Average(), -0.02, 0.02);
        Assert.InRange(values.Average(static v => v * v), (1 / 3.0) - 0.02, (1 / 3.0) + 0.02);
        Assert.True(values.Distinct().Count() > 0.99 * values.Length);
        Assert.All(first.Where(static (_, i) => i % 1033 is < 3 or >= 1030), static value => Assert.Equal(0, value));

        Assert.True(backend.TryFillRandom(view, 2, seed: 5));
        Assert.Equal(first, Read(backend, block));
        Assert.True(backend.TryFillRandom(view, 2, seed: 6));
        Assert.NotEqual(first, Read(backend, block));
    }

    [Fact]
    public void A_weight_holds_the_same_numbers_in_bfloat16()
    {
        CudaTest.OpenDevice().Dispose();
        using CudaBackend backend = new();
        using var weight = (CudaLinearWeight)backend.CreateFrozenWeight(33, 24, needsInputGradient: true);
        Tensor exact = backend.AllocatePersistent(DType.F32, new Shape(33, 24));
        Assert.True(backend.TryFillRandom(weight, 0.07f, seed: 9));
        Assert.True(backend.TryFillRandom(exact, 0.07f, seed: 9));
        ushort[] bits = new ushort[33 * 24], expected = new ushort[33 * 24];
        backend.Download<ushort>(weight.Values, bits);
        BFloat16s.Round(Read(backend, exact), expected);
        Assert.Equal(expected, bits);
    }

    private static IEnumerable<float> Inside(float[] block) => block.Where(static (_, i) => i % 1033 is >= 3 and < 1030);

    private static float[] Read(CudaBackend backend, Tensor tensor)
    {
        float[] values = new float[tensor.Shape.Count];
        backend.Download<float>(tensor, values);
        return values;
    }
}
