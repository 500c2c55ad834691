using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/lora_product.cu: activations times a narrow factor, in bfloat16.</summary>
internal sealed class CudaLoraProduct(CudaSession session)
{
    private const int TileRows = 64;
    private const int TileColumns = 32;
    private const int Threads = 128;
    private const int SharedBytes = 48 << 10;

    private readonly CudaKernel _forward = Load(session, "lora_product_forward_bf16");
    private readonly CudaKernel _backward = Load(session, "lora_product_backward_bf16");

    /// <summary>S[:, first..end) = scale * dropout(x) A^T.</summary>
    /// <param name="x"><c>[T, In]</c>; rows may be strided.</param>
    /// <param name="a"><c>[R, In]</c>, both halves.</param>
    /// <param name="dropout">The mask, without its factor.</param>
    /// <param name="scale">Includes the mask's factor.</param>
    /// <param name="ranks">The columns of S to assign.</param>
    /// <param name="s"><c>[T, R]</c>, bfloat16.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void Forward(Tensor x, PackedFactor a, in DropoutLaunch dropout, float scale, (int First, int Count) ranks, Tensor s)
    {
        using NvtxRange range = new("lora_product_forward"u8);
        LaunchChecks.Strided(nameof(x), x, DType.BF16, s.Rows, a.High.Columns);
        LaunchChecks.Strided(nameof(s), s, DType.BF16, x.Rows, a.High.Rows);
        Launch(_forward, x, a, dropout, scale, ranks, s);
    }

    /// <summary>dS[:, first..end) = scale * dY B.</summary>
    /// <param name="dY"><c>[T, Out]</c>; rows may be strided.</param>
    /// <param name="b"><c>[Out, R]</c>, both halves.</param>
    /// <param name="scale">Of the product.</param>
    /// <param name="ranks">The columns of dS to assign.</param>
    /// <param name="dS"><c>[T, R]</c>, bfloat16, =.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void Backward(Tensor dY, PackedFactor b, float scale, (int First, int Count) ranks, Tensor dS)
    {
        using NvtxRange range = new("lora_product_backward"u8);
        LaunchChecks.Strided(nameof(dY), dY, DType.BF16, dS.Rows, b.High.Rows);
        LaunchChecks.Strided(nameof(dS), dS, DType.BF16, dY.Rows, b.High.Columns);
        Launch(_backward, dY, b, default, scale, ranks, dS);
    }

    // All that a kernel may have without asking: a compiler that adds a byte of its own must not make it too much.
    private static CudaKernel Load(CudaSession session, string name)
    {
        CudaKernel kernel = session.Kernels.Get(name);
        kernel.AllowSharedMemory(SharedBytes);
        return kernel;
    }

    private void Launch(
        CudaKernel kernel, Tensor a, PackedFactor b, in DropoutLaunch dropout, float scale, (int First, int Count) columns, Tensor p)
    {
        LaunchChecks.Packets("the activations", a);
        LaunchChecks.Packets("the factor", b.High);
        LaunchChecks.Packets("the factor's low half", b.Low!.Value);
        if (a.Rows == 0)
        {
            return;
        }

        int end = columns.First + columns.Count;
        LoraProductLaunch launch = new()
        {
            A = a.Address,
            BHigh = b.High.Address,
            BLow = b.Low!.Value.Address,
            P = p.Address,
            Dropout = dropout,
            Scale = scale,
            Rows = a.Rows,
            K = a.Columns,
            Lda = a.RowStride,
            Ldb = b.High.RowStride,
            Ldp = p.RowStride,
            First = columns.First,
            End = end,
        };
        uint tiles = (uint)LaunchChecks.Blocks(end - (columns.First / 8 * 8), TileColumns);
        kernel.Launch(
            session.Stream, new LaunchShape(new Dim3((uint)LaunchChecks.Blocks(a.Rows, TileRows), tiles), Threads, SharedBytes), launch);
    }
}

/// <summary>LoraProductArgs of lora_product.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraProductLaunch
{
    public nint A;
    public nint BHigh;
    public nint BLow;
    public nint P;
    public DropoutLaunch Dropout;
    public float Scale;
    public int Rows;
    public int K;
    public int Lda;
    public int Ldb;
    public int Ldp;
    public int First;
    public int End;
}
