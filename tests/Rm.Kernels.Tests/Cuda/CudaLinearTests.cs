using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// What the linear launchers do beyond the operations' cases: the K extension, refusals, bits that depend on the row alone.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CudaLinearTests : IDisposable
{
    private readonly CudaBackend _backend;

    public CudaLinearTests()
    {
        CudaTest.OpenDevice().Dispose();
        _backend = new CudaBackend(ordinal: 0, DType.BF16);
    }

    public void Dispose() => _backend.Dispose();

    // Ranks below, at and beyond the depth of one stage of the kernel's ring.
    [Theory]
    [InlineData(5, 40, 24, 8)]
    [InlineData(130, 136, 72, 16)]
    [InlineData(33, 64, 200, 48)]
    public void The_extension_continues_the_product(int rows, int outputs, int inputs, int rank)
    {
        using OperationBench bench = new(_backend, seed: 2);
        RealMatrix<double> x = bench.Activations(rows, inputs), dy = bench.Activations(rows, outputs);
        RealMatrix<double> w = bench.Activations(outputs, inputs), b = bench.Activations(outputs, rank),
            a = bench.Activations(rank, inputs);
        RealMatrix<double> s = bench.Activations(rows, rank);
        var weight = (CudaLinearWeight)bench.FrozenWeight(w, needsInputGradient: true);
        Tensor sInput = bench.InputActivation("s", s, gap: 8);
        CudaLinear linear = new(_backend.Session);

        GuardedTensor y = bench.OutputActivation("y", rows, outputs);
        linear.Forward(
            bench.InputActivation("x", x), weight, (sInput, bench.InputActivation("b", b)), bias: null, residual: null, y.View);
        bench.Check(y, Sum<double>(x, w, true, s, b), Sum<float>(x.To<float>(), w.To<float>(), true, s.To<float>(), b.To<float>()));

        GuardedTensor dx = bench.OutputActivation("dx", rows, inputs);
        linear.InputGradient(bench.InputActivation("dy", dy), weight, (sInput, bench.InputActivation("a", a)), accumulate: false, dx.View);
        bench.Check(dx, Sum<double>(dy, w, false, s, a), Sum<float>(dy.To<float>(), w.To<float>(), false, s.To<float>(), a.To<float>()));
        bench.CheckInputs();
    }

    [Fact]
    public void A_row_has_the_same_bits_in_other_company()
    {
        const int Inputs = 72, Outputs = 136;
        using OperationBench bench = new(_backend, seed: 3);
        RealMatrix<double> x = bench.Activations(200, Inputs);
        var weight = (CudaLinearWeight)bench.FrozenWeight(bench.Activations(Outputs, Inputs), needsInputGradient: true);
        Tensor all = bench.InputActivation("x", x);
        CudaLinear linear = new(_backend.Session);
        ushort[] together = Multiply(linear, weight, all, Outputs);
        foreach (int row in new[] { 0, 1, 127, 128, 199 })
        {
            ushort[] alone = Multiply(linear, weight, all.SliceRows(row, 1), Outputs);
            Assert.Equal(together.AsSpan(row * Outputs, Outputs).ToArray(), alone);
        }
    }

    [Fact]
    public void Operands_that_the_kernel_cannot_read_are_refused_by_name()
    {
        CudaLinear linear = new(_backend.Session);
        using CudaLinearWeight weight = new(_backend.Session, 16, 24);
        Tensor memory = _backend.AllocatePersistent(DType.BF16, new Shape(4096));
        Tensor View(long offset, int rows, int columns, int stride) =>
            new(memory.Storage, offset, DType.BF16, new Shape(rows, columns), stride);

        Tensor y = View(4096, 4, 16, 16);
        Refused("multiples of 16 bytes", View(2, 4, 24, 24), y);
        Refused("multiples of 16 bytes", View(0, 4, 24, 25), y);
        Refused("[4, 24]", View(0, 4, 16, 16), y);
        Refused("[4, 16]", View(0, 4, 24, 24), View(4096, 3, 16, 16));
        Refused("BF16", new Tensor(memory.Storage, 0, DType.F32, new Shape(4, 24)), y);

        void Refused(string what, Tensor x, Tensor target) => Assert.Contains(
            what, Assert.Throws<ArgumentException>(() => linear.Forward(x, weight, null, null, null, target)).Message);
    }

    [Fact]
    public void Loading_more_rows_than_there_are_or_parts_of_rows_is_refused()
    {
        using CudaLinearWeight weight = new(_backend.Session, 16, 24);
        Assert.Throws<ArgumentOutOfRangeException>(() => weight.Load(15, new float[48]));
        Assert.Throws<ArgumentException>(() => weight.Load(0, new float[25]));
    }

    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void Reading_a_weight_that_was_not_loaded_is_caught_by_the_emulator()
    {
        CudaTest.NeedsEmulator();
        CudaLinear linear = new(_backend.Session);
        using CudaLinearWeight weight = new(_backend.Session, 16, 24);
        Tensor x = _backend.AllocatePersistent(DType.BF16, new Shape(4, 24)), y = _backend.AllocatePersistent(DType.BF16, new Shape(4, 16));
        CudaException failure = Assert.Throws<CudaException>(() =>
        {
            linear.Forward(x, weight, null, null, null, y);
            _backend.Session.Stream.Synchronize();
        });
        Assert.Contains("The emulator reports: ", failure.Message);
        Assert.Contains("linear_forward_bf16", failure.Message);
        Emulator.Reset();
    }

    private ushort[] Multiply(CudaLinear linear, CudaLinearWeight weight, Tensor x, int outputs)
    {
        Tensor y = _backend.AllocatePersistent(DType.BF16, new Shape(x.Rows, outputs));
        linear.Forward(x, weight, null, null, null, y);
        ushort[] bits = new ushort[x.Rows * outputs];
        _backend.Download<ushort>(y, bits);
        return bits;
    }

    private static RealMatrix<T> Sum<T>(RealMatrix<T> a, RealMatrix<T> w, bool transposed, RealMatrix<T> s, RealMatrix<T> extension)
        where T : System.Numerics.IBinaryFloatingPointIeee754<T> =>
        LinearReference<T>.Product(a, false, w, transposed).Plus(LinearReference<T>.Product(s, false, extension, transposed));
}
