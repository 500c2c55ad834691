using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Cuda;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// What orders the values that linear_hopper_low_bit.cu writes for wgmma, which the kernels compiled by g++ pass over: the PTX machine
/// misses it where it is left out.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class PtxProducerOrderTests : IDisposable
{
    private const string Unit = "linear_hopper_low_bit.cu";
    private const int Rows = 4, Outputs = 16, Inputs = 64;

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", "")]
    [InlineData("fence_async_shared();", "proxy-fence-missing")]
    public void Values_written_for_wgmma_need_their_order(string leftOut, string complaint) => PtxCases.On(90, () =>
    {
        Assert.Equal(complaint.Length > 0, Problem(leftOut).Length > 0);
        Assert.Contains(complaint, Emulator.LastReport);
        Emulator.Reset();
    });

    private string Problem(string leftOut)
    {
        KernelSources now = KernelSources.Embedded;
        string text = now.Units[Unit];
        Assert.True(leftOut.Length == 0 || text.Split(leftOut).Length == 2);
        KernelSources sources = leftOut.Length == 0 ? now
            : new(new Dictionary<string, string> { [Unit] = text.Replace(leftOut, "", StringComparison.Ordinal) }, now.Headers);
        KernelCompiler compiler = KernelCompiler.TryFind()!;
        CudaArchitecture hopper = CudaArchitecture.Hopper;

        // The session finds it where it looks for what NVRTC once made of the sources of today.
        KernelCache cache = new(_folder.Path);
        cache.Write(KernelCacheKey.For(compiler, now, Unit, hopper), compiler.Compile(sources, Unit, hopper).Image);
        using CudaSession session = new(0, cache);
        LowBitReference reference = new(LowBitCode.Nf4, 64, false, Outputs, Inputs, new Random(3));
        using CudaLowBitWeight weight = new(session, Outputs, Inputs, reference.Layout, reference.Tables);
        weight.LoadRows(0, reference.Take(0, Outputs));
        using CudaStorage memory = new(session.Device, 2 * Rows * (Inputs + Outputs));
        Tensor x = new(memory, 0, DType.BF16, new Shape(Rows, Inputs));
        Tensor y = new(memory, 2 * Rows * Inputs, DType.BF16, new Shape(Rows, Outputs));
        session.Transfers.Upload<ushort>(new ushort[Rows * Inputs], x);
        try
        {
            new CudaHopperLowBitLinear(session).Forward(x, weight, null, null, null, y);
            session.Stream.Synchronize();
            return "";
        }
        catch (CudaException found)
        {
            return found.Message;
        }
    }
}
