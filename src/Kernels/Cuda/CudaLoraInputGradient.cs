using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launcher of native/cuda/lora_input_gradient.cu, for one activation type: LoRA's share of dX beside the K extension.</summary>
internal sealed class CudaLoraInputGradient
{
    private const int Threads = 128;
    private const int Columns = 4;
    private const int Tokens = 8;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaKernel _kernel;

    /// <summary>Loads the kernel for activations of <paramref name="dtype"/>.</summary>
    public CudaLoraInputGradient(CudaSession session, DType dtype)
    {
        _session = session;
        _dtype = dtype;
        _kernel = session.Kernels.Get($"lora_input_gradient_backward_{LaunchChecks.Suffix(dtype)}");
    }

    /// <summary>dX += mask' (dS A), summed over the parts.</summary>
    /// <param name="dS"><c>[T, R]</c>.</param>
    /// <param name="lora">A, the parts and their masks.</param>
    /// <param name="keys">Address of the rows' token keys, or 0 without dropout.</param>
    /// <param name="dX"><c>[T, In]</c>, +=; rows may be strided.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or gaps are not the kernel's.</exception>
    public void Add(Tensor dS, LoraFactors lora, nint keys, Tensor dX)
    {
        using NvtxRange range = new("lora_input_gradient_backward"u8);
        (int rows, int columns) = (dX.Rows, dX.Columns);
        LaunchChecks.Strided(nameof(dX), dX, _dtype, rows, columns);
        LaunchChecks.Strided(nameof(dS), dS, _dtype, rows, lora.TotalRank);
        LaunchChecks.Contiguous("A", lora.A, DType.F32, lora.TotalRank, columns);
        if (rows == 0)
        {
            return;
        }

        LoraInputGradientLaunch launch = new()
        {
            DS = dS.Address,
            A = lora.A.Address,
            DX = dX.Address,
            Dropout = LoraDropouts.Of(lora.Dropout, keys, stream: 0),
            First = Part(lora, 0),
            Second = Part(lora, 1),
            Third = Part(lora, 2),
            Fourth = Part(lora, 3),
            Factor = LoraDropouts.Factor(lora.Dropout),
            Rows = rows,
            Columns = columns,
            Ldds = dS.RowStride,
            Lddx = dX.RowStride,
        };
        Dim3 grid = new((uint)LaunchChecks.Blocks(columns, Threads * Columns), (uint)LaunchChecks.Blocks(rows, Tokens));
        _kernel.Launch(_session.Stream, new LaunchShape(grid, Threads), launch);
    }

    private static LoraInputPartLaunch Part(LoraFactors lora, int index) => index >= lora.Parts.Count ? default : new LoraInputPartLaunch
    {
        RankRow = lora.Parts[index].RankRow,
        Rank = lora.Parts[index].Rank,
        Stream = unchecked((int)lora.Parts[index].DropoutStream),
    };
}

/// <summary>LoraInputPart of lora_input_gradient.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraInputPartLaunch
{
    public int RankRow;
    public int Rank;
    public int Stream;
    public int Reserved;
}

/// <summary>LoraInputGradientArgs of lora_input_gradient.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraInputGradientLaunch
{
    public nint DS;
    public nint A;
    public nint DX;
    public DropoutLaunch Dropout;
    public LoraInputPartLaunch First;
    public LoraInputPartLaunch Second;
    public LoraInputPartLaunch Third;
    public LoraInputPartLaunch Fourth;
    public float Factor;
    public int Rows;
    public int Columns;
    public int Ldds;
    public int Lddx;
}
