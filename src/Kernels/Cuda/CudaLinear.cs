using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/linear.cu: products of bfloat16 activations with a frozen weight, summed in float32. Rows of activations start
/// at multiples of 16 bytes.
/// </summary>
internal sealed class CudaLinear : IFrozenProduct<CudaLinearWeight>
{
    private const int TileRows = 128;
    private const int TileColumns = 128;
    private const int Threads = 256;

    /// <summary>Dynamic shared memory of a block.</summary>
    public const int SharedBytes = 64 << 10;

    private readonly CudaSession _session;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;

    /// <summary>Loads the kernels.</summary>
    public CudaLinear(CudaSession session)
    {
        _session = session;
        _forward = session.Kernels.Get("linear_forward_bf16");
        _backward = session.Kernels.Get("linear_backward_bf16");
        _forward.AllowSharedMemory(SharedBytes);
        _backward.AllowSharedMemory(SharedBytes);
    }

    /// <inheritdoc/>
    public void Forward(Tensor x, CudaLinearWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y)
    {
        using NvtxRange range = new("linear_forward"u8);
        CheckForward(x, weight, extension, bias);
        Launch(_forward, (x, weight.Values), extension, bias, residual, y, weight.OutFeatures);
    }

    /// <inheritdoc/>
    public void InputGradient(Tensor dY, CudaLinearWeight weight, (Tensor DS, Tensor A)? extension, bool accumulate, Tensor dX)
    {
        using NvtxRange range = new("linear_backward"u8);
        CheckInputGradient(dY, weight, extension);
        Launch(_backward, (dY, weight.Values), extension, bias: null, accumulate ? dX : null, dX, weight.InFeatures);
    }

    /// <summary>Y += S B^T (+ bias): what the product of another library lacks.</summary>
    /// <param name="extension">S <c>[T, R]</c> and B <c>[Out, R]</c>, bfloat16, or null.</param>
    /// <param name="bias"><c>[Out]</c>, float32, or null.</param>
    /// <param name="y"><c>[T, Out]</c>, +=; rows may be strided.</param>
    public void AddForward((Tensor S, Tensor B)? extension, Tensor? bias, Tensor y)
    {
        if (extension is not null || bias is not null)
        {
            Launch(_forward, null, extension, bias, y, y, y.Columns);
        }
    }

    /// <summary>DX += DS A.</summary>
    /// <param name="extension">DS <c>[T, R]</c> and A <c>[R, In]</c>, bfloat16, or null.</param>
    /// <param name="dX"><c>[T, In]</c>, +=; rows may be strided.</param>
    public void AddInputGradient((Tensor DS, Tensor A)? extension, Tensor dX)
    {
        if (extension is not null)
        {
            Launch(_backward, null, extension, bias: null, dX, dX, dX.Columns);
        }
    }

    /// <summary>Refuses what the forward kernels do not take.</summary>
    public static void CheckForward(Tensor x, LinearWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias)
    {
        LaunchChecks.Strided(nameof(x), x, DType.BF16, x.Rows, weight.InFeatures);
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

    /// <summary>Refuses what the backward kernels do not take.</summary>
    public static void CheckInputGradient(Tensor dY, LinearWeight weight, (Tensor DS, Tensor A)? extension)
    {
        LaunchChecks.Strided(nameof(dY), dY, DType.BF16, dY.Rows, weight.OutFeatures);
        if (extension is { } pair)
        {
            LaunchChecks.Strided("DS", pair.DS, DType.BF16, dY.Rows, pair.A.Rows);
            LaunchChecks.Strided("A", pair.A, DType.BF16, pair.A.Rows, weight.InFeatures);
        }
    }

    /// <summary>The kernels' arguments; a right operand that is null lies elsewhere.</summary>
    public static LinearLaunch Describe(
        (Tensor A, Tensor? B)? main, (Tensor A, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y, int columns)
    {
        int rows = main?.A.Rows ?? y.Rows;
        LaunchChecks.Strided(nameof(y), y, DType.BF16, rows, columns);
        if (residual is { } added)
        {
            LaunchChecks.Strided(nameof(residual), added, DType.BF16, rows, columns);
        }

        return new LinearLaunch
        {
            Main = Operands(main),
            Extension = Operands(extension is { } pair ? (pair.A, pair.B) : null),
            Bias = bias?.Address ?? 0,
            Residual = residual?.Address ?? 0,
            Y = y.Address,
            M = rows,
            N = columns,
            Ldy = y.RowStride,
            Ldr = residual?.RowStride ?? 0,
        };
    }

    /// <summary>Blocks and threads of the kernels.</summary>
    public static LaunchShape Shape(in LinearLaunch launch) =>
        new(checked(LaunchChecks.Blocks(launch.M, TileRows) * LaunchChecks.Blocks(launch.N, TileColumns)), Threads, SharedBytes);

    private void Launch(
        CudaKernel kernel, (Tensor A, Tensor? B)? main, (Tensor A, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y,
        int columns)
    {
        LinearLaunch launch = Describe(main, extension, bias, residual, y, columns);
        if (launch.M != 0)
        {
            kernel.Launch(_session.Stream, Shape(launch), launch);
        }
    }

    private static LinearOperandsLaunch Operands((Tensor A, Tensor? B)? pair)
    {
        if (pair is not { } operands)
        {
            return default;
        }

        LaunchChecks.Packets("the left operand", operands.A);
        if (operands.B is { } right)
        {
            LaunchChecks.Packets("the right operand", right);
        }

        return new LinearOperandsLaunch
        {
            A = operands.A.Address,
            B = operands.B?.Address ?? 0,
            Lda = operands.A.RowStride,
            Ldb = operands.B?.RowStride ?? 0,
            K = operands.A.Columns,
        };
    }
}

/// <summary>LinearOperands of common/linear_tile.cuh: one pair of factors and their common extent K.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LinearOperandsLaunch
{
    public nint A;
    public nint B;
    public int Lda;
    public int Ldb;
    public int K;
    public int Reserved;
}

/// <summary>LinearArgs of common/linear_tile.cuh.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LinearLaunch
{
    public LinearOperandsLaunch Main;
    public LinearOperandsLaunch Extension;
    public nint Bias;
    public nint Residual;
    public nint Y;
    public int M;
    public int N;
    public int Ldy;
    public int Ldr;
}
