using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// What the launchers of products on wgmma and TMA share, for GPUs of compute capability 9.0: checks, the kernels' arguments, tensor maps.
/// </summary>
/// <typeparam name="TWeight">The kind of weight.</typeparam>
internal abstract class CudaHopperProduct<TWeight> : IFrozenProduct<TWeight>
    where TWeight : LinearWeight
{
    private const int TileRows = 128;
    private const int TileColumns = 256;
    private const int Threads = 384;

    // Rows of the boxes that the kernels copy: of the left operand and of a weight read along its rows, and of one read along its columns.
    private const int BoxRows = 128;
    private const int BoxDepth = 64;

    /// <summary>Dynamic shared memory of a block that copies both operands: the ring, staged sums, mbarriers.</summary>
    protected const int RingBytes = 229_440;

    /// <summary>Launchers for a session's GPU.</summary>
    /// <exception cref="NotSupportedException">The GPU is not of compute capability 9.0.</exception>
    protected CudaHopperProduct(CudaSession session)
    {
        CudaArchitecture architecture = session.Device.Architecture;
        if (architecture != CudaArchitecture.Hopper)
        {
            throw new NotSupportedException(
                $"The wgmma products need a GPU of compute capability {CudaArchitecture.Hopper} (H100, H200); {session.Device.Name} has "
                + $"{architecture}. Use the default products (--gemm own).");
        }

        Session = session;
    }

    /// <summary>Where the kernels run.</summary>
    protected CudaSession Session { get; }

    /// <inheritdoc/>
    public void Forward(Tensor x, TWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y)
    {
        using NvtxRange range = new("linear_forward_wgmma"u8);
        CheckForward(x, weight, extension, bias, y);
        if (residual is { } added)
        {
            LaunchChecks.Strided(nameof(residual), added, DType.BF16, x.Rows, weight.OutFeatures);
        }

        HopperLinearLaunch launch = Describe(y, weight.InFeatures, extension?.S.Columns ?? 0);
        launch.Bias = bias?.Address ?? 0;
        Add(residual, ref launch);
        Launch(HopperLayer.Forward, x, weight, extension, launch);
    }

    /// <summary>
    /// GateUp = X W^T (+ S B^T) (+ bias), gate before up, and product = gate * sigmoid(gate) * up of the rounded GateUp: the bits of
    /// <see cref="Forward"/> and then <see cref="CudaSwiGlu.Forward"/>.
    /// </summary>
    /// <param name="x"><c>[T, In]</c>; rows may be strided.</param>
    /// <param name="weight"><c>[2 F, In]</c>.</param>
    /// <param name="extension">S <c>[T, R]</c> and B <c>[2 F, R]</c>, bfloat16, or null.</param>
    /// <param name="bias"><c>[2 F]</c>, float32, or null.</param>
    /// <param name="gateUp"><c>[T, 2 F]</c>, =; rows may be strided.</param>
    /// <param name="product"><c>[T, F]</c>, =; rows may be strided.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void ForwardSwiGlu(
        Tensor x, TWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor gateUp, Tensor product)
    {
        using NvtxRange range = new("linear_forward_wgmma_swiglu"u8);
        CheckForward(x, weight, extension, bias, gateUp);
        int features = weight.OutFeatures / 2;
        LaunchChecks.Strided(nameof(product), product, DType.BF16, x.Rows, features);
        HopperLinearLaunch launch = Describe(gateUp, weight.InFeatures, extension?.S.Columns ?? 0);
        launch.Bias = bias?.Address ?? 0;
        launch.Product = product.Address;
        launch.Ldp = product.RowStride;

        // The ups of a row begin after its gates.
        bool isWhole = LaunchChecks.InPackets(product) && features * DType.BF16.Size() % LaunchChecks.PacketBytes == 0;
        launch.Packets = launch.Packets != 0 && isWhole ? 1 : 0;
        Launch(HopperLayer.SwiGlu, x, weight, extension, launch);
    }

    /// <inheritdoc/>
    public void InputGradient(Tensor dY, TWeight weight, (Tensor DS, Tensor A)? extension, bool accumulate, Tensor dX)
    {
        using NvtxRange range = new("linear_backward_wgmma"u8);
        CudaLinear.CheckInputGradient(dY, weight, extension);
        LaunchChecks.Strided(nameof(dX), dX, DType.BF16, dY.Rows, weight.InFeatures);
        HopperLinearLaunch launch = Describe(dX, weight.OutFeatures, extension?.A.Rows ?? 0);
        Add(accumulate ? dX : null, ref launch);
        Launch(HopperLayer.Backward, dY, weight, extension, launch);
    }

    /// <summary>Launches the kernel of a layer with its operands.</summary>
    /// <param name="layer">Which kernel.</param>
    /// <param name="shape">Blocks and threads; dynamic shared memory is the kernel's.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="maps">Maps of what is copied beside the weight.</param>
    /// <param name="launch">The other arguments.</param>
    protected abstract void Launch(
        HopperLayer layer, (int Blocks, int Threads) shape, TWeight weight, in HopperMaps maps, in HopperLinearLaunch launch);

    /// <summary>A kernel that may have that much dynamic shared memory.</summary>
    protected static CudaKernel Load(CudaSession session, string name, int sharedBytes)
    {
        CudaKernel kernel = session.Kernels.Get(name);
        kernel.AllowSharedMemory(sharedBytes);
        return kernel;
    }

    /// <summary>The map by which a layer's kernel copies its right operand.</summary>
    protected static NativeTensorMap MapRight(HopperLayer layer, string name, Tensor matrix) =>
        Map(name, matrix, layer == HopperLayer.Backward ? BoxDepth : BoxRows);

    private static void CheckForward(Tensor x, TWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor y)
    {
        CudaLinear.CheckForward(x, weight, extension, bias);
        LaunchChecks.Strided(nameof(y), y, DType.BF16, x.Rows, weight.OutFeatures);
    }

    private static HopperLinearLaunch Describe(Tensor y, int depth, int ranks) => new()
    {
        Y = y.Address,
        M = y.Rows,
        N = y.Columns,
        K = depth,
        ExtensionK = ranks,
        Ldy = y.RowStride,
        Packets = LaunchChecks.InPackets(y) ? 1 : 0,
    };

    private static void Add(Tensor? residual, ref HopperLinearLaunch launch)
    {
        if (residual is { } added)
        {
            launch.Residual = added.Address;
            launch.Ldr = added.RowStride;
            launch.Packets = launch.Packets != 0 && LaunchChecks.InPackets(added) ? 1 : 0;
        }
    }

    // The maps lie in the launch's parameters and are encoded anew each time: buffers of an arena come and go.
    private void Launch(HopperLayer layer, Tensor a, TWeight weight, (Tensor A, Tensor B)? extension, in HopperLinearLaunch launch)
    {
        if (a.Rows == 0)
        {
            return;
        }

        // The driver looks addresses up in the current context, and this may be a thread that has none.
        Session.Device.Context.Activate();
        NativeTensorMap mapA = Map("the left operand", a, BoxRows);
        HopperMaps maps = new(mapA, mapA, mapA);
        if (extension is { } pair && launch.ExtensionK != 0)
        {
            maps = new(
                mapA, Map("the left operand of the low-rank product", pair.A, BoxRows),
                MapRight(layer, "the right operand of the low-rank product", pair.B));
        }

        // A tile has as many columns of the weight in either form: 256, or 128 gates and their 128 ups.
        int tiles = checked(LaunchChecks.Blocks(a.Rows, TileRows) * LaunchChecks.Blocks(launch.N, TileColumns));
        Launch(layer, (Math.Min(tiles, Session.Device.MultiprocessorCount), Threads), weight, maps, launch);
    }

    private static unsafe NativeTensorMap Map(string name, Tensor matrix, int boxRows)
    {
        LaunchChecks.Packets(name, matrix);

        // The stride of a single row is never used, and need not be one that the driver takes.
        long rowBytes =
            (long)LaunchChecks.Blocks(matrix.Columns * matrix.DType.Size(), LaunchChecks.PacketBytes) * LaunchChecks.PacketBytes;
        TensorMapLayout layout = new(
            matrix.Address, matrix.Rows, matrix.Columns, matrix.Rows > 1
                ? (long)matrix.RowStride * matrix.DType.Size()
                : rowBytes, boxRows);
        byte* memory = stackalloc byte[sizeof(NativeTensorMap) + NativeTensorMap.Alignment];
        var map =
            (NativeTensorMap*)(((nint)memory + NativeTensorMap.Alignment - 1) / NativeTensorMap.Alignment * NativeTensorMap.Alignment);
        CudaResult result = CudaDriver.Api.TensorMapEncodeTiled(map, layout);
        return result == CudaResult.Success ? *map : throw new CudaException("cuTensorMapEncodeTiled", result, $"{name}: {layout}.");
    }
}

/// <summary>HopperLinearArgs of common/hopper_tile.cuh.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HopperLinearLaunch
{
    public nint Bias;
    public nint Residual;
    public nint Y;
    public nint Product;
    public int M;
    public int N;
    public int K;
    public int ExtensionK;
    public int Ldy;
    public int Ldr;
    public int Ldp;
    public int Packets;
}
