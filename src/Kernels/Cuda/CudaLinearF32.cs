using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Linear layers in float32 storage, every product by the plain kernel of native/cuda/linear_f32.cu: shows without bfloat16's rounding that
/// the device path computes the right thing.
/// </summary>
internal sealed class CudaLinearF32(CudaSession session, CudaLoraInputGradient inputGradient)
{
    private const int Tile = 32;
    private const int Threads = 256;

    private readonly CudaKernel _product = session.Kernels.Get("linear_forward_f32");

    // Whose elements a mask drops.
    private enum Dropped
    {
        None,
        Left,
        Right,
    }

    /// <summary>Y, and S, of <see cref="LinearForwardArgs"/>.</summary>
    /// <param name="args">Checked by the caller.</param>
    /// <param name="weight"><c>[Out, In]</c>.</param>
    /// <param name="keys">Address of the rows' token keys, or 0 without dropout.</param>
    public void Forward(LinearForwardArgs args, Tensor weight, nint keys)
    {
        var y = Operand.Of(args.Y);
        Multiply(
            Operand.Of(args.X), Operand.Transposed(weight), y, (args.X.Rows, weight.Rows, weight.Columns), scale: 1, default, Dropped.None,
            args.Bias, args.Residual is { } residual ? Operand.Of(residual) : default);
        if (args.Lora is not { } lora)
        {
            return;
        }

        foreach (LoraPart part in lora.Parts)
        {
            Tensor s = args.S!.Value.SliceColumns(part.RankRow, part.Rank);
            DropoutLaunch mask = LoraDropouts.Of(lora.Dropout, keys, part.DropoutStream);
            Multiply(
                Operand.Of(args.X), Operand.Transposed(lora.A.SliceRows(part.RankRow, part.Rank)), Operand.Of(s),
                (s.Rows, part.Rank, weight.Columns), lora.ScaleOf(part) * LoraDropouts.Factor(lora.Dropout), mask,
                lora.Dropout is null ? Dropped.None : Dropped.Left);
            var columns = Operand.Of(args.Y.SliceColumns(part.Column, part.Columns));
            Multiply(
                Operand.Of(s), Operand.Transposed(part.B), columns, (s.Rows, part.Columns, part.Rank), scale: 1, default, Dropped.None,
                residual: columns);
        }
    }

    /// <summary>Gradients of <see cref="LinearBackwardArgs"/>, except that of the bias.</summary>
    /// <param name="args">Checked by the caller.</param>
    /// <param name="weight"><c>[Out, In]</c>.</param>
    /// <param name="keys">Address of the rows' token keys, or 0 without dropout.</param>
    public void Backward(LinearBackwardArgs args, Tensor weight, nint keys)
    {
        int rows = args.DY.Rows;
        var dY = Operand.Of(args.DY);
        Tensor? dS = args.Lora is { } lora ? FactorGradients(args, lora, weight.Columns, keys) : null;
        if (args.DX is { } dX)
        {
            var target = Operand.Of(dX);
            Multiply(
                dY, Operand.Of(weight), target, (rows, weight.Columns, weight.Rows), scale: 1, default, Dropped.None,
                residual: args.AccumulateDX ? target : default);
            if (dS is { } narrow)
            {
                inputGradient.Add(narrow, args.Lora!, keys, dX);
            }
        }

        if (args.DW is { } dW)
        {
            var target = Operand.Of(dW);
            Multiply(
                Operand.Transposed(args.DY), Operand.Of(args.X), target, (weight.Rows, weight.Columns, rows), scale: 1, default,
                Dropped.None,
                residual: target);
        }
    }

    private Tensor FactorGradients(LinearBackwardArgs args, LoraFactors lora, int inputs, nint keys)
    {
        int rows = args.DY.Rows;
        Tensor dS = args.Scratch.Allocate(DType.F32, new Shape(rows, lora.TotalRank));
        foreach (LoraPart part in lora.Parts)
        {
            Tensor dY = args.DY.SliceColumns(part.Column, part.Columns), ds = dS.SliceColumns(part.RankRow, part.Rank);
            Multiply(
                Operand.Of(dY), Operand.Of(part.B), Operand.Of(ds), (rows, part.Rank, part.Columns), lora.ScaleOf(part), default,
                Dropped.None);
            if (part.GradB is { } gradB)
            {
                var target = Operand.Of(gradB);
                Multiply(
                    Operand.Transposed(dY), Operand.Of(args.S!.Value.SliceColumns(part.RankRow, part.Rank)), target,
                    (part.Columns, part.Rank, rows), scale: 1, default, Dropped.None, residual: target);
            }

            if (lora.GradA is { } gradA)
            {
                var target = Operand.Of(gradA.SliceRows(part.RankRow, part.Rank));
                Multiply(
                    Operand.Transposed(ds), Operand.Of(args.X), target, (part.Rank, inputs, rows), LoraDropouts.Factor(lora.Dropout),
                    LoraDropouts.Of(lora.Dropout, keys, part.DropoutStream), lora.Dropout is null ? Dropped.None : Dropped.Right,
                    residual: target);
            }
        }

        return dS;
    }

    private void Multiply(
        in Operand a, in Operand b, in Operand y, (int M, int N, int K) extent, float scale, in DropoutLaunch dropout, Dropped dropped,
        Tensor? bias = null, in Operand residual = default)
    {
        if (extent.M == 0 || extent.N == 0)
        {
            return;
        }

        LinearF32Launch launch = new()
        {
            A = a.Address,
            B = b.Address,
            Bias = bias?.Address ?? 0,
            Residual = residual.Address,
            Y = y.Address,
            Dropout = dropout,
            Scale = scale,
            Dropped = (int)dropped,
            M = extent.M,
            N = extent.N,
            K = extent.K,
            ARow = a.Row,
            AColumn = a.Column,
            BRow = b.Row,
            BColumn = b.Column,
            YRow = y.Row,
            YColumn = y.Column,
            ResidualRow = residual.Row,
            ResidualColumn = residual.Column,
        };
        Dim3 grid = new((uint)LaunchChecks.Blocks(extent.N, Tile), (uint)LaunchChecks.Blocks(extent.M, Tile));
        _product.Launch(session.Stream, new LaunchShape(grid, Threads), launch);
    }

    /// <summary>A matrix by its address and the strides of its rows and columns.</summary>
    private readonly record struct Operand(nint Address, int Row, int Column)
    {
        public static Operand Of(Tensor matrix) => new(matrix.Address, matrix.RowStride, 1);

        public static Operand Transposed(Tensor matrix) => new(matrix.Address, 1, matrix.RowStride);
    }
}

/// <summary>LinearF32Args of linear_f32.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LinearF32Launch
{
    public nint A;
    public nint B;
    public nint Bias;
    public nint Residual;
    public nint Y;
    public DropoutLaunch Dropout;
    public float Scale;
    public int Dropped;
    public int M;
    public int N;
    public int K;
    public int ARow;
    public int AColumn;
    public int BRow;
    public int BColumn;
    public int YRow;
    public int YColumn;
    public int ResidualRow;
    public int ResidualColumn;
}
