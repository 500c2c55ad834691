using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>What the wgmma launchers do beyond the operations' cases: every rank, the fused SwiGLU, bits, refusals.</summary>
[Collection(CudaCollection.Name)]
[Trait(CudaTest.Needs, CudaTest.NeedsOfHopper)]
public sealed class CudaHopperLinearTests : IDisposable
{
    private readonly CudaBackend _backend;
    private readonly CudaHopperLinear _linear;

    public CudaHopperLinearTests()
    {
        CudaTest.NeedsHopper();
        _backend = new CudaBackend(ordinal: 0, DType.BF16);
        _linear = new CudaHopperLinear(_backend.Session);
    }

    public static TheoryData<int> Ranks { get; } = [.. Enumerable.Range(1, 64).Append(65).Append(192)];

    public void Dispose() => _backend.Dispose();

    [Theory]
    [MemberData(nameof(Ranks))]
    public void The_extension_continues_the_product(int rank)
    {
        const int Rows = 33, Outputs = 72, Inputs = 40;
        using OperationBench bench = new(_backend, seed: 2);
        RealMatrix<double> x = bench.Activations(Rows, Inputs), dy = bench.Activations(Rows, Outputs);
        RealMatrix<double> w = bench.Activations(Outputs, Inputs), b = bench.Activations(Outputs, rank),
            a = bench.Activations(rank, Inputs);
        RealMatrix<double> s = bench.Activations(Rows, rank);
        var weight = (CudaLinearWeight)bench.FrozenWeight(w, needsInputGradient: true);

        // Rows at multiples of 16 bytes, with guards between: what lies there must not count as ranks.
        int gap = (8 - (rank % 8)) % 8;
        Tensor sInput = bench.InputActivation("s", s, gap);
        GuardedTensor y = bench.OutputActivation("y", Rows, Outputs);
        _linear.Forward(
            bench.InputActivation("x", x), weight, (sInput, bench.InputActivation("b", b, gap)), bias: null, residual: null, y.View);
        bench.Check(y, Sum<double>(x, w, true, s, b), Sum<float>(x.To<float>(), w.To<float>(), true, s.To<float>(), b.To<float>()));

        GuardedTensor dx = bench.OutputActivation("dx", Rows, Inputs);
        _linear.InputGradient(bench.InputActivation("dy", dy), weight, (sInput, bench.InputActivation("a", a)), accumulate: false, dx.View);
        bench.Check(dx, Sum<double>(dy, w, false, s, a), Sum<float>(dy.To<float>(), w.To<float>(), false, s.To<float>(), a.To<float>()));
        bench.CheckInputs();
    }

    [Theory]
    [InlineData(1, 8, 8, 0, false)]
    [InlineData(37, 24, 40, 4, false)]
    [InlineData(130, 136, 72, 16, true)]
    [InlineData(5, 131, 200, 0, true)]
    public void The_fused_product_has_the_bits_of_the_two_kernels_one_after_the_other(
        int rows, int features, int inputs, int rank, bool bias)
    {
        using OperationBench bench = new(_backend, seed: 5);
        int outputs = 2 * features;
        var weight = (CudaLinearWeight)bench.FrozenWeight(bench.Activations(outputs, inputs), needsInputGradient: false);
        Tensor x = bench.InputActivation("x", bench.Activations(rows, inputs));
        Tensor? added = bias ? bench.Input("bias", bench.Numbers(1, outputs)) : null;
        (Tensor S, Tensor B)? extension = rank == 0
            ? null
            : (bench.InputActivation("s", bench.Activations(rows, rank), gap: (8 - (rank % 8)) % 8),
            bench.InputActivation("b", bench.Activations(outputs, rank), gap: (8 - (rank % 8)) % 8));

        GuardedTensor gateUp = bench.OutputActivation("gate_up", rows, outputs),
            product = bench.OutputActivation("product", rows, features);
        _linear.Forward(x, weight, extension, added, null, gateUp.View);
        new CudaSwiGlu(_backend.Session, DType.BF16).Forward(new(gateUp.View, product.View));

        GuardedTensor fusedGateUp = bench.OutputActivation("fused gate_up", rows, outputs, gap: 3);
        GuardedTensor fusedProduct = bench.OutputActivation("fused product", rows, features, gap: 5);
        _linear.ForwardSwiGlu(x, weight, extension, added, fusedGateUp.View, fusedProduct.View);
        _backend.Synchronize();
        Assert.Equal(gateUp.Read().Values.ToArray(), fusedGateUp.Read().Values.ToArray());
        Assert.Equal(product.Read().Values.ToArray(), fusedProduct.Read().Values.ToArray());
        Assert.Contains(product.Read().Values.ToArray(), static value => value != 0);
    }

    [Fact]
    public void A_row_has_the_same_bits_in_other_company()
    {
        const int Inputs = 200, Outputs = 264;
        using OperationBench bench = new(_backend, seed: 3);
        var weight = (CudaLinearWeight)bench.FrozenWeight(bench.Activations(Outputs, Inputs), needsInputGradient: true);
        Tensor all = bench.InputActivation("x", bench.Activations(200, Inputs));
        ushort[] together = Multiply(weight, all, Outputs);
        foreach (int row in new[] { 0, 1, 127, 128, 199 })
        {
            Assert.Equal(together.AsSpan(row * Outputs, Outputs).ToArray(), Multiply(weight, all.SliceRows(row, 1), Outputs));
        }
    }

    [Fact]
    public void No_rows_are_no_work()
    {
        using CudaLinearWeight weight = new(_backend.Session, 16, 24);
        Tensor memory = _backend.AllocatePersistent(DType.BF16, new Shape(64));
        Tensor Empty(int columns) => new(memory.Storage, 0, DType.BF16, new Shape(0, columns));
        _linear.Forward(Empty(24), weight, null, null, null, Empty(16));
        _linear.ForwardSwiGlu(Empty(24), weight, null, null, Empty(16), Empty(8));
        _linear.InputGradient(Empty(16), weight, null, accumulate: true, Empty(24));
        _backend.Synchronize();
    }

    [Fact]
    public void Operands_that_the_kernel_cannot_read_are_refused_by_name()
    {
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
            what, Assert.Throws<ArgumentException>(() => _linear.Forward(x, weight, null, null, null, target)).Message);
    }

    // The choice reaches the kernel: what the emulator finds wrong with it, it finds in the kernel of that name.
    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void The_choice_of_wgmma_launches_these_kernels()
    {
        CudaTest.NeedsEmulator();
        using (CudaBackend backend = new(ordinal: 0, DType.BF16, GemmChoice.Wgmma))
        {
            using OperationBench bench = new(backend, seed: 1);
            using CudaLinearWeight weight = new(backend.Session, 16, 24);
            GuardedTensor y = bench.OutputActivation("y", 4, 16);
            CudaException failure = Assert.Throws<CudaException>(() =>
            {
                backend.LinearForward(new(
                    bench.Prepare(Layouts.Of([0, 4])), bench.InputActivation("x", bench.Activations(4, 24)), weight, null, null, null,
                    null, y.View));
                backend.Synchronize();
            });
            Assert.Contains("unwritten-global-read", failure.Message);
            Assert.Contains("linear_forward_bf16_wgmma", failure.Message);
            Emulator.Reset();
        }
    }

    [Theory]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    [InlineData(80)]
    [InlineData(89)]
    [InlineData(100)]
    public void Other_architectures_are_refused_by_name(int number)
    {
        CudaTest.NeedsEmulator();
        _backend.Dispose();
        Emulator.SetArchitecture((uint)number);
        try
        {
            string text = Assert.Throws<NotSupportedException>(() => new CudaBackend(ordinal: 0, DType.BF16, GemmChoice.Wgmma)).Message;
            Assert.Contains($"{number / 10}.{number % 10}", text);
            Assert.Contains("--gemm own", text);
            Assert.Null(CudaDevices.TryOpen(0, out string? problem, GemmChoice.Wgmma));
            Assert.Equal(text, problem);
            new CudaBackend(ordinal: 0, DType.BF16).Dispose();
        }
        finally
        {
            Emulator.SetArchitecture(90);
        }
    }

    private ushort[] Multiply(CudaLinearWeight weight, Tensor x, int outputs)
    {
        Tensor y = _backend.AllocatePersistent(DType.BF16, new Shape(x.Rows, outputs));
        _linear.Forward(x, weight, null, null, null, y);
        ushort[] bits = new ushort[x.Rows * outputs];
        _backend.Download<ushort>(y, bits);
        return bits;
    }

    private static RealMatrix<T> Sum<T>(RealMatrix<T> a, RealMatrix<T> w, bool transposed, RealMatrix<T> s, RealMatrix<T> extension)
        where T : System.Numerics.IBinaryFloatingPointIeee754<T> =>
        LinearReference<T>.Product(a, false, w, transposed).Plus(LinearReference<T>.Product(s, false, extension, transposed));
}
