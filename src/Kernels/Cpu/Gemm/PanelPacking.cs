using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>
/// Copies a strip of a matrix into a panel [depth, width]: at each step of the reduction the <c>width</c> values that the micro-kernel
/// reads lie together. Serves both operands: rows of A (width = tile rows) and columns of B (width = 32).
/// </summary>
/// <remarks>Lanes beyond <c>valid</c> are filled with copies of valid ones; what a tile computes from them is never stored.</remarks>
internal static unsafe class PanelPacking
{
    private const int Block = 8;

    // A narrow panel's 8-wide store runs over the next steps, which are written later; the last steps go one by one instead, so that
    // nothing outside the panel is touched.
    private const int StepsLeftForScalar = 4;

    /// <summary>Packs from a source [valid, depth] whose reduction index is contiguous.</summary>
    /// <param name="source">First value of the strip.</param>
    /// <param name="stride">Elements between the source's rows.</param>
    /// <param name="valid">Rows of the source, 1 to <paramref name="width"/>.</param>
    /// <param name="depth">Length of the reduction.</param>
    /// <param name="width">Lanes of the panel.</param>
    /// <param name="panel">Receives [depth, width].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackRows(float* source, nint stride, int valid, int depth, int width, float* panel)
    {
        int k = 0;
        if (Avx.IsSupported)
        {
            int blocks = Math.Max(0, depth - (width < Block ? StepsLeftForScalar : 0)) / Block;
            for (int lane = 0; lane < width; lane += Block)
            {
                // The last group of a wide panel overlaps the one before rather than overrun the row.
                int first = width > Block ? Math.Min(lane, width - Block) : lane;
                PackEightRows(source, stride, first, valid - 1, blocks, panel + first, width);
            }

            k = blocks * Block;
        }

        for (; k < depth; k++)
        {
            for (int lane = 0; lane < width; lane++)
            {
                panel[((nint)k * width) + lane] = source[(Math.Min(lane, valid - 1) * stride) + k];
            }
        }
    }

    /// <summary>Packs from a source [depth, valid] whose lanes are contiguous.</summary>
    /// <param name="source">First value of the strip.</param>
    /// <param name="stride">Elements between the source's rows.</param>
    /// <param name="valid">Columns of the source, 1 to <paramref name="width"/>.</param>
    /// <param name="depth">Length of the reduction.</param>
    /// <param name="width">Lanes of the panel.</param>
    /// <param name="panel">Receives [depth, width].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackColumns(float* source, nint stride, int valid, int depth, int width, float* panel)
    {
        if (valid < width || width < Block)
        {
            for (int k = 0; k < depth; k++, source += stride, panel += width)
            {
                for (int lane = 0; lane < width; lane++)
                {
                    panel[lane] = source[Math.Min(lane, valid - 1)];
                }
            }

            return;
        }

        for (int k = 0; k < depth; k++, source += stride, panel += width)
        {
            for (int lane = 0; lane < width; lane += Block)
            {
                int first = Math.Min(lane, width - Block);
                Vector256.Load(source + first).Store(panel + first);
            }
        }
    }

    // Transposes blocks of 8 x 8: unpack pairs, then quadruples, then swap the 128-bit halves.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackEightRows(float* source, nint stride, int first, int last, int blocks, float* panel, nint width)
    {
        float* s0 = source + (Math.Min(first, last) * stride), s1 = source + (Math.Min(first + 1, last) * stride);
        float* s2 = source + (Math.Min(first + 2, last) * stride), s3 = source + (Math.Min(first + 3, last) * stride);
        float* s4 = source + (Math.Min(first + 4, last) * stride), s5 = source + (Math.Min(first + 5, last) * stride);
        float* s6 = source + (Math.Min(first + 6, last) * stride), s7 = source + (Math.Min(first + 7, last) * stride);
        nint end = (nint)blocks * Block;
        for (nint k = 0; k < end; k += Block, panel += Block * width)
        {
            Vector256<float> r0 = Vector256.Load(s0 + k), r1 = Vector256.Load(s1 + k);
            Vector256<float> r2 = Vector256.Load(s2 + k), r3 = Vector256.Load(s3 + k);
            Vector256<float> r4 = Vector256.Load(s4 + k), r5 = Vector256.Load(s5 + k);
            Vector256<float> r6 = Vector256.Load(s6 + k), r7 = Vector256.Load(s7 + k);
            Vector256<float> a0 = Avx.UnpackLow(r0, r1), a1 = Avx.UnpackHigh(r0, r1);
            Vector256<float> a2 = Avx.UnpackLow(r2, r3), a3 = Avx.UnpackHigh(r2, r3);
            Vector256<float> a4 = Avx.UnpackLow(r4, r5), a5 = Avx.UnpackHigh(r4, r5);
            Vector256<float> a6 = Avx.UnpackLow(r6, r7), a7 = Avx.UnpackHigh(r6, r7);
            Vector256<float> b0 = Avx.Shuffle(a0, a2, 0x44), b1 = Avx.Shuffle(a0, a2, 0xEE);
            Vector256<float> b2 = Avx.Shuffle(a1, a3, 0x44), b3 = Avx.Shuffle(a1, a3, 0xEE);
            Vector256<float> b4 = Avx.Shuffle(a4, a6, 0x44), b5 = Avx.Shuffle(a4, a6, 0xEE);
            Vector256<float> b6 = Avx.Shuffle(a5, a7, 0x44), b7 = Avx.Shuffle(a5, a7, 0xEE);
            Avx.Permute2x128(b0, b4, 0x20).Store(panel);
            Avx.Permute2x128(b1, b5, 0x20).Store(panel + width);
            Avx.Permute2x128(b2, b6, 0x20).Store(panel + (2 * width));
            Avx.Permute2x128(b3, b7, 0x20).Store(panel + (3 * width));
            Avx.Permute2x128(b0, b4, 0x31).Store(panel + (4 * width));
            Avx.Permute2x128(b1, b5, 0x31).Store(panel + (5 * width));
            Avx.Permute2x128(b2, b6, 0x31).Store(panel + (6 * width));
            Avx.Permute2x128(b3, b7, 0x31).Store(panel + (7 * width));
        }
    }
}
