using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/linear.cu: products of bfloat16 activations with a frozen weight, summed in float32. Rows of activations start
/// at multiples of 16 bytes.
/// </summary>
internal sealed class CudaLinear
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

    /// <summary>Y = X W^T (+ S B^T) (+ bias) (+ residual).</summary>
    /// <param name="x"><c>[T, In]</c>; rows may be strided.</param>
    /// <param name="weight"><c>[Out, In]</c>.</param>
    /// <param name="extension">S <c>[T, R]</c> and B <c>[Out, R]</c>, bfloat16, or null.</param>
    /// <param name="bias"><c>[Out]</c>, float32, or null.</param>
    /// <param name="residual"><c>[T, Out]</c>, or null; may be <paramref name="y"/>.</param>
    /// <param name="y"><c>[T, Out]</c>, =; rows may be strided.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
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

        Launch(_forward, x, weight.Values, extension, bias, residual, y, weight.OutFeatures);
    }

    /// <summary>DX = DY W (+ DS A), or += with <paramref name="accumulate"/>.</summary>
    /// <param name="dY"><c>[T, Out]</c>; rows may be strided.</param>
    /// <param name="weight"><c>[Out, In]</c>.</param>
    /// <param name="extension">DS <c>[T, R]</c> and A <c>[R, In]</c>, bfloat16, or null.</param>
    /// <param name="accumulate">Whether dX is added to.</param>
    /// <param name="dX"><c>[T, In]</c>, = or +=; rows may be strided.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
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

        Launch(_backward, dY, weight.Values, extension, bias: null, accumulate ? dX : null, dX, weight.InFeatures);
    }

    private void Launch(
        CudaKernel kernel, Tensor a, Tensor b, (Tensor A, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y, int columns)
    {
        int rows = a.Rows;
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
            Main = Operands(a, b),
            Extension = extension is { } pair ? Operands(pair.A, pair.B) : default,
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

    private static LinearOperandsLaunch Operands(Tensor a, Tensor b)
    {
        LaunchChecks.Packets("the left operand", a);
        LaunchChecks.Packets("the right operand", b);
        return new LinearOperandsLaunch { A = a.Address, B = b.Address, Lda = a.RowStride, Ldb = b.RowStride, K = a.Columns };
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
