using System.Runtime.InteropServices;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launcher of native/cuda/lora_factors.cu: float32 parameters rounded to bfloat16 operands.</summary>
internal sealed class CudaLoraFactors(CudaSession session)
{
    /// <summary>Most parts of a layer that the kernels take: a fused q, k, v has three.</summary>
    public const int MaxParts = 4;

    private const int Threads = 256;

    private readonly CudaKernel _kernel = session.Kernels.Get("lora_factors_forward_bf16");

    /// <summary>
    /// Elements between rows of an operand with <paramref name="columns"/> columns, so that rows start at multiples of 16 bytes.
    /// </summary>
    public static int Stride(int columns) => LaunchChecks.Blocks(columns, 8) * 8;

    /// <summary>A in bfloat16, <c>[R, In]</c>, and the parts' B side by side, <c>[Out, R]</c> with zeros off the blocks.</summary>
    /// <param name="lora">The float32 factors.</param>
    /// <param name="packedA">A, or null where it is not wanted; the low half, what rounding left off, may be null by itself.</param>
    /// <param name="packedB">B, likewise.</param>
    /// <exception cref="ArgumentException">A factor's type, shape or gaps are not the kernel's.</exception>
    public void Pack(LoraFactors lora, PackedFactor? packedA, PackedFactor? packedB)
    {
        LoraFactorsLaunch launch = packedA is { } a ? Matrix(lora.A, a.High) : default;
        launch.LowA = packedA?.Low?.Address ?? 0;
        if (packedB is { High: var b })
        {
            launch.PackedB = b.Address;
            launch.LowB = packedB.Value.Low?.Address ?? 0;
            launch.First = Part(lora, 0);
            launch.Second = Part(lora, 1);
            launch.Third = Part(lora, 2);
            launch.Fourth = Part(lora, 3);
            launch.BRows = b.Rows;
            launch.BColumns = b.Columns;
            launch.Ldb = b.RowStride;
        }

        Launch(launch);
    }

    /// <summary>target = source: float32, adjacent rows, to bfloat16.</summary>
    /// <exception cref="ArgumentException">A type or shape is not the kernel's.</exception>
    public void Round(Tensor source, Tensor target) => Launch(Matrix(source, target));

    private static LoraFactorsLaunch Matrix(Tensor source, Tensor target)
    {
        LaunchChecks.Contiguous("A", source, DType.F32, target.Rows, target.Columns);
        return new LoraFactorsLaunch
        {
            A = source.Address,
            PackedA = target.Address,
            ARows = target.Rows,
            AColumns = target.Columns,
            Lda = target.RowStride,
        };
    }

    private static LoraFactorLaunch Part(LoraFactors lora, int index)
    {
        if (index >= lora.Parts.Count)
        {
            return default;
        }

        LoraPart part = lora.Parts[index];
        LaunchChecks.Contiguous($"B of part {index}", part.B, DType.F32, part.Columns, part.Rank);
        return new LoraFactorLaunch
        {
            B = part.B.Address,
            Column = part.Column,
            Columns = part.Columns,
            RankRow = part.RankRow,
            Rank = part.Rank,
        };
    }

    private void Launch(in LoraFactorsLaunch launch)
    {
        long elements = ((long)launch.ARows * launch.AColumns) + ((long)launch.BRows * launch.BColumns);
        if (elements != 0)
        {
            _kernel.Launch(session.Stream, new LaunchShape(checked((int)((elements + Threads - 1) / Threads)), Threads), launch);
        }
    }
}

/// <summary>
/// A factor rounded to bfloat16 and, where a product needs more of its bits, what rounding left off, with the same strides.
/// </summary>
internal readonly record struct PackedFactor(Tensor High, Tensor? Low);

/// <summary>LoraFactor of lora_factors.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraFactorLaunch
{
    public nint B;
    public int Column;
    public int Columns;
    public int RankRow;
    public int Rank;
}

/// <summary>LoraFactorsArgs of lora_factors.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraFactorsLaunch
{
    public nint A;
    public nint PackedA;
    public nint LowA;
    public nint PackedB;
    public nint LowB;
    public LoraFactorLaunch First;
    public LoraFactorLaunch Second;
    public LoraFactorLaunch Third;
    public LoraFactorLaunch Fourth;
    public int ARows;
    public int AColumns;
    public int BRows;
    public int BColumns;
    public int Lda;
    public int Ldb;
}
