using Rm.Kernels.Cpu;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;
using Xunit.Sdk;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>The comparer and the guard bands must fail where they should: a tolerance that lets NaN through has been seen before.</summary>
public sealed class ComparisonTests
{
    [Theory]
    [InlineData(double.NaN, 1, 1)]
    [InlineData(1, double.NaN, 1)]
    [InlineData(1, 1, double.NaN)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity, 1)]
    [InlineData(1.001, 1, 1)]
    [InlineData(1.001, 1, 1.0004)]
    public void Wrong_numbers_fail(double actual, double expected, double naive) => Assert.ThrowsAny<XunitException>(
        () => Comparison.AssertClose("x", One(actual), One(expected), One(naive), bf16: false));

    [Theory]
    [InlineData(1 + 1e-7, 1, 1)]
    [InlineData(1.001, 1, 0.9994)]
    [InlineData(0, 0, 0)]
    public void Close_numbers_pass(double actual, double expected, double naive) =>
        Comparison.AssertClose("x", One(actual), One(expected), One(naive), bf16: false);

    [Fact]
    public void One_wrong_element_among_many_fails()
    {
        var zeros = new RealMatrix<double>(30, 30);
        RealMatrix<double> ones = zeros.Map((_, _, _) => 1);
        RealMatrix<double> wrong = ones.Map((i, j, _) => i == 17 && j == 29 ? double.NaN : 1);
        Assert.ThrowsAny<XunitException>(() => Comparison.AssertClose("x", wrong, ones, ones, bf16: false));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(24)]
    [InlineData(31)]
    [InlineData(88)]
    public void A_write_outside_a_tensor_is_found(int element)
    {
        using var backend = new CpuBackend(threads: 1);
        var tensor = GuardedTensor.Empty(backend, "y", DType.F32, 3, 24, gap: 8);
        backend.Fill(tensor.View, 2);
        Assert.Equal(2, tensor.Read()[2, 23]);

        var stray = new Tensor(tensor.View.Storage, tensor.View.ByteOffset + (element * sizeof(float)), DType.F32, new Shape(1));
        backend.Fill(stray, 0);
        Assert.ThrowsAny<XunitException>(() => tensor.Read());
    }

    private static RealMatrix<double> One(double value) => new RealMatrix<double>(1, 1).Map((_, _, _) => value);
}
