using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

[Collection("CUDA device")]
public sealed class WeightLoadingTests
{
    // All that this thread allocates counts, also what was free again: a bound on it is one on the peak. Loading has no other thread.
    [Fact]
    public void Loading_onto_a_device_allocates_a_few_pieces_on_the_host_and_no_model()
    {
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        ModelConfig config = ModelShapes.Get(
            "tiny") with
        { VocabSize = 50_000, HiddenSize = 512, IntermediateSize = 4096, Heads = 8, HeadDim = 64, Layers = 4 };
        long elements = WeightNames.Decoder(config).Sum(w => w.Shape.Aggregate(1L, (product, size) => product * size));
        Assert.True(elements > 50_000_000, $"{elements}");
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var model = new RewardModel(backend, config, new RandomWeights(1), TrainingScope.HeadOnly, training: false);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 32 << 20);
    }
}
