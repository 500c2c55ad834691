using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>S [M, R] = scale * X A^T as pointers, shared by the threads that compute it.</summary>
internal unsafe struct SkinnyPlan
{
    /// <summary>Instruction set.</summary>
    public GemmPath Path;

    /// <summary>X, [M, K].</summary>
    public float* X;

    /// <summary>Elements between rows of X.</summary>
    public nint XStride;

    /// <summary>Rows of X and S.</summary>
    public int M;

    /// <summary>Length of the reduction.</summary>
    public int K;

    /// <summary>Columns of S.</summary>
    public int R;

    /// <summary>A in panels [K, Width].</summary>
    public float* Panels;

    /// <summary>Columns of a panel.</summary>
    public int Width;

    /// <summary>S, [M, R].</summary>
    public float* S;

    /// <summary>Elements between rows of S.</summary>
    public nint SStride;

    /// <summary>Multiplies each finished sum.</summary>
    public float Scale;
}

/// <summary>Each item computes 32 rows of S, eight at a time, all columns, while X's rows are in L1.</summary>
internal readonly unsafe struct SkinnyBody(SkinnyPlan* plan) : IParallelBody
{
    private const int ItemRows = 32;

    public void Run(int item)
    {
        float* sums = stackalloc float[SkinnyKernels.Rows * SkinnyKernels.MostColumns];
        int end = Math.Min((item + 1) * ItemRows, plan->M);
        for (int row = item * ItemRows; row < end; row += SkinnyKernels.Rows)
        {
            int rows = Math.Min(SkinnyKernels.Rows, end - row);
            for (int first = 0; first < plan->R; first += plan->Width)
            {
                float* panel = plan->Panels + ((long)first * plan->K);
                SkinnyKernels.Run(plan->Path, plan->X + (row * plan->XStride), plan->XStride, rows, panel, plan->Width, plan->K, sums);
                int columns = Math.Min(plan->Width, plan->R - first);
                for (int i = 0; i < rows; i++)
                {
                    float* s = plan->S + ((row + i) * plan->SStride) + first;
                    for (int j = 0; j < columns; j++)
                    {
                        s[j] = plan->Scale * sums[(i * plan->Width) + j];
                    }
                }
            }
        }
    }
}

/// <summary>
/// Eight rows of X times a panel of 8, 16 or 32 columns; X is read in place, since packing it would cost as much as the product.
/// </summary>
internal static unsafe class SkinnyKernels
{
    /// <summary>Rows that a kernel computes; missing ones repeat the last.</summary>
    public const int Rows = 8;

    /// <summary>Columns of the widest panel.</summary>
    public const int MostColumns = 32;

    /// <summary>Columns of a panel for a product of <paramref name="r"/> columns.</summary>
    public static int GroupColumns(GemmPath path, int r) => path != GemmPath.Avx512 || r <= 8 ? 8 : r <= 16 ? 16 : 32;

    /// <summary>sums [8, width] = X [rows, K] * panel [K, width].</summary>
    public static void Run(GemmPath path, float* x, nint stride, int rows, float* panel, int width, int depth, float* sums)
    {
        int last = rows - 1;
        var r = new RowPointers(x, stride, last);
        switch (width)
        {
            case 32:
                Run32(r, panel, depth, sums);
                break;
            case 16:
                Run16(r, panel, depth, sums);
                break;
            default:
                if (path == GemmPath.Scalar)
                {
                    RunScalar(x, stride, rows, panel, depth, sums);
                }
                else
                {
                    Run8(r, panel, depth, sums);
                }

                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run32(in RowPointers r, float* panel, int depth, float* sums)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        float* x0 = r.X0, x1 = r.X1, x2 = r.X2, x3 = r.X3, x4 = r.X4, x5 = r.X5, x6 = r.X6, x7 = r.X7;
        for (nint k = 0; k < depth; k++, panel += 32)
        {
            Vector512<float> p = Vector512.Load(panel), q = Vector512.Load(panel + 16), x;
            x = Vector512.Create(x0[k]); a0 = Mac(x, p, a0); b0 = Mac(x, q, b0);
            x = Vector512.Create(x1[k]); a1 = Mac(x, p, a1); b1 = Mac(x, q, b1);
            x = Vector512.Create(x2[k]); a2 = Mac(x, p, a2); b2 = Mac(x, q, b2);
            x = Vector512.Create(x3[k]); a3 = Mac(x, p, a3); b3 = Mac(x, q, b3);
            x = Vector512.Create(x4[k]); a4 = Mac(x, p, a4); b4 = Mac(x, q, b4);
            x = Vector512.Create(x5[k]); a5 = Mac(x, p, a5); b5 = Mac(x, q, b5);
            x = Vector512.Create(x6[k]); a6 = Mac(x, p, a6); b6 = Mac(x, q, b6);
            x = Vector512.Create(x7[k]); a7 = Mac(x, p, a7); b7 = Mac(x, q, b7);
        }

        a0.Store(sums); b0.Store(sums + 16); a1.Store(sums + 32); b1.Store(sums + 48);
        a2.Store(sums + 64); b2.Store(sums + 80); a3.Store(sums + 96); b3.Store(sums + 112);
        a4.Store(sums + 128); b4.Store(sums + 144); a5.Store(sums + 160); b5.Store(sums + 176);
        a6.Store(sums + 192); b6.Store(sums + 208); a7.Store(sums + 224); b7.Store(sums + 240);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run16(in RowPointers r, float* panel, int depth, float* sums)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        float* x0 = r.X0, x1 = r.X1, x2 = r.X2, x3 = r.X3, x4 = r.X4, x5 = r.X5, x6 = r.X6, x7 = r.X7;
        for (nint k = 0; k < depth; k++, panel += 16)
        {
            var p = Vector512.Load(panel);
            a0 = Mac(Vector512.Create(x0[k]), p, a0);
            a1 = Mac(Vector512.Create(x1[k]), p, a1);
            a2 = Mac(Vector512.Create(x2[k]), p, a2);
            a3 = Mac(Vector512.Create(x3[k]), p, a3);
            a4 = Mac(Vector512.Create(x4[k]), p, a4);
            a5 = Mac(Vector512.Create(x5[k]), p, a5);
            a6 = Mac(Vector512.Create(x6[k]), p, a6);
            a7 = Mac(Vector512.Create(x7[k]), p, a7);
        }

        a0.Store(sums); a1.Store(sums + 16); a2.Store(sums + 32); a3.Store(sums + 48);
        a4.Store(sums + 64); a5.Store(sums + 80); a6.Store(sums + 96); a7.Store(sums + 112);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run8(in RowPointers r, float* panel, int depth, float* sums)
    {
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        float* x0 = r.X0, x1 = r.X1, x2 = r.X2, x3 = r.X3, x4 = r.X4, x5 = r.X5, x6 = r.X6, x7 = r.X7;
        for (nint k = 0; k < depth; k++, panel += 8)
        {
            var p = Vector256.Load(panel);
            a0 = Fma.MultiplyAdd(Vector256.Create(x0[k]), p, a0);
            a1 = Fma.MultiplyAdd(Vector256.Create(x1[k]), p, a1);
            a2 = Fma.MultiplyAdd(Vector256.Create(x2[k]), p, a2);
            a3 = Fma.MultiplyAdd(Vector256.Create(x3[k]), p, a3);
            a4 = Fma.MultiplyAdd(Vector256.Create(x4[k]), p, a4);
            a5 = Fma.MultiplyAdd(Vector256.Create(x5[k]), p, a5);
            a6 = Fma.MultiplyAdd(Vector256.Create(x6[k]), p, a6);
            a7 = Fma.MultiplyAdd(Vector256.Create(x7[k]), p, a7);
        }

        a0.Store(sums); a1.Store(sums + 8); a2.Store(sums + 16); a3.Store(sums + 24);
        a4.Store(sums + 32); a5.Store(sums + 40); a6.Store(sums + 48); a7.Store(sums + 56);
    }

    private static void RunScalar(float* x, nint stride, int rows, float* panel, int depth, float* sums)
    {
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < Rows; j++)
            {
                float sum = 0;
                for (nint k = 0; k < depth; k++)
                {
                    sum = MathF.FusedMultiplyAdd(x[(i * stride) + k], panel[(k * Rows) + j], sum);
                }

                sums[(i * Rows) + j] = sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Mac(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Avx512F.FusedMultiplyAdd(a, b, c);

    private readonly struct RowPointers(float* x, nint stride, int last)
    {
        public readonly float* X0 = x, X1 = x + (Math.Min(1, last) * stride), X2 = x + (Math.Min(2, last) * stride);
        public readonly float* X3 = x + (Math.Min(3, last) * stride), X4 = x + (Math.Min(4, last) * stride);
        public readonly float* X5 = x + (Math.Min(5, last) * stride), X6 = x + (Math.Min(6, last) * stride);
        public readonly float* X7 = x + (Math.Min(7, last) * stride);
    }
}
