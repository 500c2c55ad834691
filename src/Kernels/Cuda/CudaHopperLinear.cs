using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/linear_hopper.cu: the products of <see cref="CudaLinear"/> on wgmma and TMA, for GPUs of compute capability
/// 9.0.
/// </summary>
internal sealed class CudaHopperLinear : IFrozenProduct
{
    private const int TileRows = 128;
    private const int TileColumns = 256;
    private const int Threads = 384;
    private const int SharedBytes = 229_440;

    // Rows of the boxes that the kernels copy: of the left operand and of a weight read along its rows, and of one read along its columns.
    private const int BoxRows = 128;
    private const int BoxDepth = 64;

    private readonly CudaSession _session;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _swiGlu;
    private readonly CudaKernel _backward;

    /// <summary>Loads the kernels.</summary>
    /// <exception cref="NotSupportedException">The GPU is not of compute capability 9.0.</exception>
    public CudaHopperLinear(CudaSession session)
    {
        CudaArchitecture architecture = session.Device.Architecture;
        if (architecture != CudaArchitecture.Hopper)
        {
            throw new NotSupportedException(
                $"The wgmma products need a GPU of compute capability {CudaArchitecture.Hopper} (H100, H200); {session.Device.Name} has "
                + $"{architecture}. Use the default products (--gemm own).");
        }

        _session = session;
        _forward = Load(session, "linear_forward_bf16_wgmma");
        _swiGlu = Load(session, "linear_forward_bf16_wgmma_swiglu");
        _backward = Load(session, "linear_backward_bf16_wgmma");
    }

    /// <inheritdoc/>
    public void Forward(Tensor x, CudaLinearWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y)
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
        Launch(_forward, x, weight.Values, extension, BoxRows, weight.OutFeatures, launch);
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
        Tensor x, CudaLinearWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor gateUp, Tensor product)
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
        Launch(_swiGlu, x, weight.Values, extension, BoxRows, 2 * features, launch);
    }

    /// <inheritdoc/>
    public void InputGradient(Tensor dY, CudaLinearWeight weight, (Tensor DS, Tensor A)? extension, bool accumulate, Tensor dX)
    {
        using NvtxRange range = new("linear_backward_wgmma"u8);
        LaunchChecks.Strided(nameof(dY), dY, DType.BF16, dY.Rows, weight.OutFeatures);
        LaunchChecks.Strided(nameof(dX), dX, DType.BF16, dY.Rows, weight.InFeatures);
        if (extension is { } pair)
        {
            LaunchChecks.Strided("DS", pair.DS, DType.BF16, dY.Rows, pair.A.Rows);
            LaunchChecks.Strided("A", pair.A, DType.BF16, pair.A.Rows, weight.InFeatures);
        }

        HopperLinearLaunch launch = Describe(dX, weight.OutFeatures, extension?.A.Rows ?? 0);
        Add(accumulate ? dX : null, ref launch);
        Launch(_backward, dY, weight.Values, extension, BoxDepth, weight.InFeatures, launch);
    }

    private static CudaKernel Load(CudaSession session, string name)
    {
        CudaKernel kernel = session.Kernels.Get(name);
        kernel.AllowSharedMemory(SharedBytes);
        return kernel;
    }

    private static void CheckForward(Tensor x, CudaLinearWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor y)
    {
        LaunchChecks.Strided(nameof(x), x, DType.BF16, x.Rows, weight.InFeatures);
        LaunchChecks.Strided(nameof(y), y, DType.BF16, x.Rows, weight.OutFeatures);
        if (extension is { } pair)
        {
            LaunchChecks.Strided("S", pair.S, DType.BF16, x.Rows, pair.S.Columns);
            LaunchChecks.Strided("B", pair.B, DType.BF16, weight.OutFeatures, pair.S.Columns);
        }

        if (bias is { } added)
        {
            LaunchChecks.Contiguous(nameof(bias), added, DType.F32, 1, weight.OutFeatures);
        }
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
    private void Launch(
        CudaKernel kernel, Tensor a, Tensor b, (Tensor A, Tensor B)? extension, int boxRowsB, int columns, in HopperLinearLaunch launch)
    {
        if (a.Rows == 0)
        {
            return;
        }

        // The driver looks addresses up in the current context, and this may be a thread that has none.
        _session.Device.Context.Activate();
        NativeTensorMap mapA = Map("the left operand", a, BoxRows), mapB = Map("the right operand", b, boxRowsB), mapA2 = mapA,
            mapB2 = mapB;
        if (extension is { } pair && launch.ExtensionK != 0)
        {
            mapA2 = Map("the left operand of the low-rank product", pair.A, BoxRows);
            mapB2 = Map("the right operand of the low-rank product", pair.B, boxRowsB);
        }

        // A tile has as many columns of the weight in either form: 256, or 128 gates and their 128 ups.
        int tiles = checked(LaunchChecks.Blocks(a.Rows, TileRows) * LaunchChecks.Blocks(columns, TileColumns));
        int blocks = Math.Min(tiles, _session.Device.MultiprocessorCount);
        kernel.Launch(_session.Stream, new LaunchShape(blocks, Threads, SharedBytes), mapA, mapB, mapA2, mapB2, launch);
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

/// <summary>HopperLinearArgs of linear_hopper.cu.</summary>
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
