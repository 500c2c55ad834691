using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>What the wgmma launchers for weights in few bits do beyond the operations' cases: the bits of the values' products.</summary>
[Collection(CudaCollection.Name)]
[Trait(CudaTest.Needs, CudaTest.NeedsOfHopper)]
public sealed class CudaHopperLowBitLinearTests : IDisposable
{
    private readonly CudaBackend _backend;

    public CudaHopperLowBitLinearTests()
    {
        CudaTest.NeedsHopper();
        _backend = new CudaBackend(ordinal: 0, DType.BF16, GemmChoice.Wgmma);
    }

    public void Dispose() => _backend.Dispose();

    // Edges of tiles (128 rows, 256 columns), of steps of 64 and slices of 16 of k, rounds of the ring of four, blocks across steps.
    [Theory]
    [InlineData(LowBitCode.Nf4, 64, false, 5, 24, 64, 0)]
    [InlineData(LowBitCode.Nf4, 64, true, 130, 264, 448, 4)]
    [InlineData(LowBitCode.Nf4, 16, true, 37, 514, 80, 17)]
    [InlineData(LowBitCode.Nf4, 128, false, 129, 130, 272, 8)]
    [InlineData(LowBitCode.Int8, 0, false, 33, 72, 336, 16)]
    [InlineData(LowBitCode.Int8, 32, false, 131, 258, 48, 0)]
    [InlineData(LowBitCode.Fp8, 0, false, 20, 40, 400, 3)]
    [InlineData(LowBitCode.Fp8, 128, false, 140, 520, 144, 65)]
    public void Products_have_the_bits_of_those_with_the_weights_values(
        LowBitCode code, int block, bool isDouble, int rows, int outputs, int inputs, int rank)
    {
        using OperationBench bench = new(_backend, seed: 4);
        LowBitReference reference = new(code, block, isDouble, outputs, inputs, new Random(11));
        LinearWeight coded = bench.LowBitWeight(reference);
        LinearWeight plain = bench.FrozenWeight(
            new RealMatrix<double>(outputs, inputs).Map((r, c, _) => GuardedTensor.Round(reference.Value(r, c), DType.BF16)),
            needsInputGradient: true);
        Assert.IsType<CudaLowBitWeight>(coded);
        PreparedLayout layout = bench.Prepare(Layouts.Of([0, rows]));
        Tensor x = bench.InputActivation("x", bench.Activations(rows, inputs), gap: 8);
        Tensor dy = bench.InputActivation("dy", bench.Activations(rows, outputs), gap: 8 + ((8 - (outputs % 8)) % 8));
        Tensor bias = bench.Input("bias", bench.Numbers(1, outputs));
        LoraFactors? lora = rank == 0 ? null : new LoraFactors(
            bench.Input("a", bench.Numbers(rank, inputs)), GradA: null,
            [new LoraPart(0, 0, bench.Input("b", bench.Numbers(outputs, rank, scale: 0.1)), GradB: null, DropoutStream: 0)], Scale: 0.5f,
            Dropout: null);

        (double[] Y, double[] GateUp, double[] Product, double[] DX) Multiply(LinearWeight weight)
        {
            GuardedTensor? s = rank == 0 ? null : bench.OutputActivation("s", rows, rank, gap: (8 - (rank % 8)) % 8);
            GuardedTensor y = bench.OutputActivation("y", rows, outputs, gap: 3), gateUp = bench.OutputActivation("gate_up", rows, outputs);
            GuardedTensor product = bench.OutputActivation("product", rows, outputs / 2);
            GuardedTensor dx = bench.OutputActivation("dx", rows, inputs, gap: 8);
            _backend.LinearForward(new(layout, x, weight, bias, null, lora, s?.View, y.View));
            _backend.LinearForward(new(layout, x, weight, bias, null, lora, s?.View, gateUp.View) { SwiGlu = product.View });
            _backend.LinearBackward(new(layout, dy, x, weight, lora, s?.View, dx.View, false, null, null, bench.Scratch));
            _backend.Synchronize();
            return (Values(y), Values(gateUp), Values(product), Values(dx));
        }

        (double[] Y, double[] GateUp, double[] Product, double[] DX) expected = Multiply(plain);
        (double[] Y, double[] GateUp, double[] Product, double[] DX) actual = Multiply(coded);
        Assert.Equal(expected.Y, actual.Y);
        Assert.Equal(expected.GateUp, actual.GateUp);
        Assert.Equal(expected.Product, actual.Product);
        Assert.Equal(expected.DX, actual.DX);
        Assert.All([actual.Y, actual.Product, actual.DX], static values => Assert.Contains(values, static value => value != 0));
        bench.CheckInputs();
    }

    // The choice reaches the kernels: what the emulator finds wrong with one, it finds in the kernel of that name.
    [Theory]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    [InlineData(LowBitCode.Nf4, false, "linear_forward_bf16_nf4_wgmma")]
    [InlineData(LowBitCode.Int8, true, "linear_forward_bf16_int8_wgmma_swiglu")]
    [InlineData(LowBitCode.Fp8, false, "linear_forward_bf16_fp8_wgmma")]
    public void The_choice_of_wgmma_launches_these_kernels(LowBitCode code, bool hasSwiGlu, string kernel)
    {
        CudaTest.NeedsEmulator();
        using OperationBench bench = new(_backend, seed: 1);
        LowBitReference reference = new(code, 0, false, 16, 64, new Random(1));
        using LinearWeight weight = _backend.CreateLowBitWeight(16, 64, reference.Layout, reference.Tables)!;
        GuardedTensor y = bench.OutputActivation("y", 4, 16), product = bench.OutputActivation("product", 4, 8);
        CudaException failure = Assert.Throws<CudaException>(() =>
        {
            _backend.LinearForward(new(
                bench.Prepare(Layouts.Of([0, 4])), bench.InputActivation("x", bench.Activations(4, 64)), weight, null, null, null, null,
                y.View)
            { SwiGlu = hasSwiGlu ? product.View : null });
            _backend.Synchronize();
        });
        Assert.Contains("unwritten-global-read", failure.Message);
        Assert.Contains(kernel, failure.Message);
        Emulator.Reset();
    }

    private static double[] Values(GuardedTensor tensor) => tensor.Read().Values.ToArray();
}
