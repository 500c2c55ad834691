using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/linear.cu: products of bfloat16 activations with a frozen weight, summed in float32. Rows of activations start
/// at multiples of 16 bytes.
/// </summary>
internal sealed class CudaLinear : IFrozenProduct
{
    private const int TileRows = 128;
    private const int TileColumns = 128;
    private const int Threads = 256;
    private const int SharedBytes = 64 << 10;

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
        int rows = x.Rows;
        LaunchChecks.Strided(nameof(x), x, DType.BF16, rows, weight.InFeatures);
        if (extension is { } pair)
        {
            LaunchChecks.Strided("S", pair.S, DType.BF16, rows, pair.S.Columns);
            LaunchChecks.Strided("B", pair.B, DType.BF16, weight.OutFeatures, pair.S.Columns);
        }

        if (bias is { } added)
        {
            LaunchChecks.Contiguous(nameof(bias), added, DType.F32, 1, weight.OutFeatures);
        }

        Launch(_forward, rows, (x, weight.Values), extension, bias, residual, y, weight.OutFeatures);
    }

    /// <inheritdoc/>
    public void InputGradient(Tensor dY, CudaLinearWeight weight, (Tensor DS, Tensor A)? extension, bool accumulate, Tensor dX)
    {
        using NvtxRange range = new("linear_backward"u8);
        int rows = dY.Rows;
        LaunchChecks.Strided(nameof(dY), dY, DType.BF16, rows, weight.OutFeatures);
        if (extension is { } pair)
        {
            LaunchChecks.Strided("DS", pair.DS, DType.BF16, rows, pair.A.Rows);
            LaunchChecks.Strided("A", pair.A, DType.BF16, pair.A.Rows, weight.InFeatures);
        }

        Launch(_backward, rows, (dY, weight.Values), extension, bias: null, accumulate ? dX : null, dX, weight.InFeatures);
    }

    /// <summary>Y += S B^T (+ bias): what the product of another library lacks.</summary>
    /// <param name="extension">S <c>[T, R]</c> and B <c>[Out, R]</c>, bfloat16, or null.</param>
    /// <param name="bias"><c>[Out]</c>, float32, or null.</param>
    /// <param name="y"><c>[T, Out]</c>, +=; rows may be strided.</param>
    public void AddForward((Tensor S, Tensor B)? extension, Tensor? bias, Tensor y)
    {
        if (extension is not null || bias is not null)
        {
            Launch(_forward, y.Rows, null, extension, bias, y, y, y.Columns);
        }
    }

    /// <summary>DX += DS A.</summary>
    /// <param name="extension">DS <c>[T, R]</c> and A <c>[R, In]</c>, bfloat16, or null.</param>
    /// <param name="dX"><c>[T, In]</c>, +=; rows may be strided.</param>
    public void AddInputGradient((Tensor DS, Tensor A)? extension, Tensor dX)
    {
        if (extension is not null)
        {
            Launch(_backward, dX.Rows, null, extension, bias: null, dX, dX, dX.Columns);
        }
    }

    private void Launch(
        CudaKernel kernel, int rows, (Tensor A, Tensor B)? main, (Tensor A, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y, int columns)
    {
        LaunchChecks.Strided(nameof(y), y, DType.BF16, rows, columns);
        if (residual is { } added)
        {
            LaunchChecks.Strided(nameof(residual), added, DType.BF16, rows, columns);
        }

        if (rows == 0)
        {
            return;
        }

        LinearLaunch launch = new()
        {
            Main = Operands(main),
            Extension = Operands(extension),
            Bias = bias?.Address ?? 0,
            Residual = residual?.Address ?? 0,
            Y = y.Address,
            M = rows,
            N = columns,
            Ldy = y.RowStride,
            Ldr = residual?.RowStride ?? 0,
        };
        int blocks = checked(LaunchChecks.Blocks(rows, TileRows) * LaunchChecks.Blocks(columns, TileColumns));
        kernel.Launch(_session.Stream, new LaunchShape(blocks, Threads, SharedBytes), launch);
    }

    private static LinearOperandsLaunch Operands((Tensor A, Tensor B)? pair)
    {
        if (pair is not { } operands)
        {
            return default;
        }

        LaunchChecks.Packets("the left operand", operands.A);
        LaunchChecks.Packets("the right operand", operands.B);
        return new LinearOperandsLaunch
        {
            A = operands.A.Address,
            B = operands.B.Address,
            Lda = operands.A.RowStride,
            Ldb = operands.B.RowStride,
            K = operands.A.Columns,
        };
    }
}

/// <summary>LinearOperands of linear.cu: one pair of factors and their common extent K.</summary>
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

/// <summary>LinearArgs of linear.cu.</summary>
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
