using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cpu.Gemm;

public sealed class CpuGemmTests
{
    public static TheoryData<GemmPath> Paths { get; } = [GemmPath.Scalar, GemmPath.Avx2, GemmPath.Avx512];

    // Around every tile height and panel width, primes, and depths on both sides of a packing block and of a K block.
    private static readonly (int M, int N, int K)[] s_shapes =
    [
        (1, 1, 1), (2, 31, 7), (3, 32, 8), (4, 33, 9), (5, 64, 15), (6, 65, 16), (7, 16, 17), (8, 17, 576), (13, 37, 53), (14, 32, 32),
        (15, 96, 31), (29, 67, 101), (43, 130, 64), (9, 40, 1023), (17, 33, 1025), (31, 34, 2050), (101, 127, 113), (3, 5, 0),
    ];

    private static readonly int[] s_extensionDepths = [1, 4, 16, 61, 7];

    [Theory]
    [MemberData(nameof(Paths))]
    public void Product_has_the_bits_of_the_chain_for_every_shape(GemmPath path)
    {
        using var threads = new CpuThreads(3);
        using CpuGemm gemm = Gemm(threads, path);
        foreach ((int m, int n, int k) in s_shapes)
        {
            var a = GuardedMatrix.Random(m, k, 1);
            var w = GuardedMatrix.Random(n, k, 2);
            GuardedMatrix b = w.Transposed();
            GuardedMatrix expected = GemmReference.Product(a, b);
            GemmReference.AssertNearDouble(expected, a, b);

            using var fromTransposed = PackedMatrix.PackTransposed(w.Matrix, threads);
            using var fromPlain = PackedMatrix.Pack(b.Matrix, threads);
            foreach (PackedMatrix packed in new[] { fromTransposed, fromPlain })
            {
                var c = new GuardedMatrix(m, n);
                gemm.Multiply(a.Matrix, packed, c.Matrix);
                c.AssertBits(expected, $"packed {m} x {n} x {k}");
            }

            foreach ((bool transposeA, bool transposeB) in new[] { (false, false), (false, true), (true, false), (true, true) })
            {
                var c = new GuardedMatrix(m, n);
                gemm.Multiply((transposeA ? a.Transposed() : a).Matrix, transposeA, (transposeB ? w : b).Matrix, transposeB, c.Matrix);
                c.AssertBits(expected, $"on the fly {m} x {n} x {k}, transposed {transposeA} {transposeB}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Options_apply_in_their_fixed_order(GemmPath path)
    {
        using var threads = new CpuThreads(2);
        using CpuGemm gemm = Gemm(threads, path);
        foreach (((int m, int n, int k), int index) in s_shapes.Select((shape, index) => (shape, index)))
        {
            int r = s_extensionDepths[index % s_extensionDepths.Length];
            var a = GuardedMatrix.Random(m, k, 3);
            var b = GuardedMatrix.Random(k, n, 4);
            var s = GuardedMatrix.Random(m, r, 5);
            var extension = GuardedMatrix.Random(r, n, 6);
            var residual = GuardedMatrix.Random(m, n, 7, padding: 1);
            var start = GuardedMatrix.Random(m, n, 8);
            float[] bias = [.. Enumerable.Range(0, n).Select(j => 0.01f * j)];
            using var packed = PackedMatrix.Pack(b.Matrix, threads);

            GuardedMatrix c = start.Copy();
            gemm.Multiply(a.Matrix, packed, c.Matrix, new GemmOptions
            {
                Accumulate = true,
                Bias = bias,
                Residual = residual.Matrix,
                ExtensionA = s.Matrix,
                ExtensionB = extension.Matrix,
            });
            c.AssertBits(GemmReference.Product(a, b, start, s, extension, bias, residual), $"everything {m} x {n} x {k}, R {r}");

            c = residual.Copy();
            gemm.Multiply(a.Matrix, packed, c.Matrix, new GemmOptions
            {
                Residual = c.Matrix,
                ExtensionA = s.Matrix,
                ExtensionB = extension.Transposed().Matrix,
                TransposeExtensionB = true,
            });
            c.AssertBits(
                GemmReference.Product(a, b, s: s, extension: extension, residual: residual), $"residual in place {m} x {n} x {k}, R {r}");

            c = start.Copy();
            gemm.Multiply(a.Matrix, packed, c.Matrix, new GemmOptions { Bias = bias });
            c.AssertBits(GemmReference.Product(a, b, bias: bias), $"bias {m} x {n} x {k}");

            c = start.Copy();
            gemm.Multiply(a.Transposed().Matrix, true, b.Matrix, false, c.Matrix, new GemmOptions { Accumulate = true });
            c.AssertBits(GemmReference.Product(a, b, start), $"accumulated {m} x {n} x {k}");
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Block_diagonal_extension_is_the_dense_one(GemmPath path)
    {
        using var threads = new CpuThreads(2);
        using CpuGemm gemm = Gemm(threads, path);
        const int m = 21;
        const int n = 160;
        const int k = 40;
        const int r = 12;
        var a = GuardedMatrix.Random(m, k, 9);
        var b = GuardedMatrix.Random(k, n, 10);
        var s = GuardedMatrix.Random(m, r, 11);
        var extension = GuardedMatrix.Random(r, n, 12);

        // Blocks as a fused QKV has them, one of which ends inside a panel; the last 32 columns have none.
        extension.Fill((i, j) => j < 128 && (i < 4 ? j < 64 : i < 8 ? j is >= 64 and < 112 : j >= 112) ? extension[i, j] : 0);
        using var packed = PackedMatrix.Pack(b.Matrix, threads);
        var c = new GuardedMatrix(m, n);
        gemm.Multiply(a.Matrix, packed, c.Matrix, new GemmOptions { ExtensionA = s.Matrix, ExtensionB = extension.Matrix });
        c.AssertBits(GemmReference.Product(a, b, s: s, extension: extension), "block diagonal");
    }

    [Fact]
    public void Bits_depend_neither_on_threads_nor_on_the_batch()
    {
        // More rows than one pass packs (8 MiB), so that passes, K blocks, items and panels all take part.
        const int m = 1500;
        const int n = 70;
        const int k = 1500;
        var a = GuardedMatrix.Random(m, k, 13);
        var w = GuardedMatrix.Random(n, k, 14);
        using var one = new CpuThreads(1);
        using var packed = PackedMatrix.PackTransposed(w.Matrix, one);
        var whole = new GuardedMatrix(m, n);
        using (var gemm = new CpuGemm(one))
        {
            gemm.Multiply(a.Matrix, packed, whole.Matrix);
        }

        foreach (int count in new[] { 2, 5 })
        {
            using var threads = new CpuThreads(count);
            using var gemm = new CpuGemm(threads);
            var c = new GuardedMatrix(m, n);
            gemm.Multiply(a.Matrix, packed, c.Matrix);
            c.AssertBits(whole, $"{count} threads");
            foreach ((int first, int rows) in new[] { (0, 1), (1, 2), (5, 3), (700, 14), (699, 15), (1400, 100), (1499, 1), (3, 250) })
            {
                c = new GuardedMatrix(rows, n);
                gemm.Multiply(a.RowRange(first, rows).Matrix, packed, c.Matrix);
                c.AssertBits(whole.RowRange(first, rows), $"rows {first} to {first + rows} alone");
            }
        }

        GuardedMatrix few = a.RowRange(1490, 10);
        whole.RowRange(1490, 10).AssertBits(GemmReference.Product(few, w.Transposed()), "last rows");
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Bfloat16_storage_gives_the_same_bits_at_half_the_memory(GemmPath path)
    {
        using var threads = new CpuThreads(2);
        using CpuGemm gemm = Gemm(threads, path);
        foreach ((int m, int n, int k) in new[] { (30, 70, 1100), (5, 33, 17), (2, 3, 1) })
        {
            var a = GuardedMatrix.Random(m, k, 15);
            var w = GuardedMatrix.Random(n, k, 16);
            w.Fill((i, j) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(w[i, j]) & 0xFFFF0000));
            using var wide = PackedMatrix.PackTransposed(w.Matrix, threads);
            using var narrow = PackedMatrix.PackTransposed(w.Matrix, threads, allowBfloat16: true);
            Assert.Equal(DType.F32, wide.Storage);
            Assert.Equal(DType.BF16, narrow.Storage);
            var expected = new GuardedMatrix(m, n);
            var c = new GuardedMatrix(m, n);
            gemm.Multiply(a.Matrix, wide, expected.Matrix);
            gemm.Multiply(a.Matrix, narrow, c.Matrix);
            c.AssertBits(expected, $"bfloat16 {m} x {n} x {k}");

            w[n - 1, k - 1] = 1 + MathF.Pow(2, -20);
            using var inexact = PackedMatrix.PackTransposed(w.Matrix, threads, allowBfloat16: true);
            Assert.Equal(DType.F32, inexact.Storage);
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Nan_and_infinity_reach_exactly_their_row(GemmPath path)
    {
        using var threads = new CpuThreads(2);
        using CpuGemm gemm = Gemm(threads, path);
        var a = GuardedMatrix.Random(40, 20, 17);
        var b = GuardedMatrix.Random(20, 50, 18);
        a[39, 19] = float.NaN;
        a[13, 0] = float.PositiveInfinity;
        var c = new GuardedMatrix(40, 50);
        gemm.Multiply(a.Matrix, false, b.Matrix, false, c.Matrix);
        for (int i = 0; i < 40; i++)
        {
            for (int j = 0; j < 50; j++)
            {
                Assert.Equal(i == 39, float.IsNaN(c[i, j]));
                Assert.Equal(i == 13, float.IsInfinity(c[i, j]));
            }
        }

        b[7, 33] = float.NaN;
        gemm.Multiply(a.Matrix, false, b.Matrix, false, c.Matrix);
        Assert.All(Enumerable.Range(0, 40), i => Assert.True(float.IsNaN(c[i, 33])));
        Assert.False(float.IsNaN(c[0, 32]));
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        using var threads = new CpuThreads(1);
        using var gemm = new CpuGemm(threads);
        var a = new GuardedMatrix(4, 5);
        var c = new GuardedMatrix(4, 6);
        using var packed = PackedMatrix.Pack(new GuardedMatrix(5, 6).Matrix, threads);
        using var wrong = PackedMatrix.Pack(new GuardedMatrix(6, 6).Matrix, threads);
        Assert.Throws<ArgumentException>(() => gemm.Multiply(a.Matrix, wrong, c.Matrix));
        Assert.Throws<ArgumentException>(() => gemm.Multiply(a.Matrix, packed, new GuardedMatrix(3, 6).Matrix));
        Assert.Throws<ArgumentException>(() => gemm.Multiply(a.Matrix, packed, new GuardedMatrix(4, 7).Matrix));
        Assert.Throws<ArgumentException>(() => gemm.Multiply(a.Matrix, true, a.Matrix, true, c.Matrix));
        Assert.Throws<ArgumentException>(() => gemm.Multiply(a.Matrix, packed, c.Matrix, new GemmOptions { Bias = new float[5] }));
        Assert.Throws<ArgumentException>(() => gemm.Multiply(a.Matrix, packed, c.Matrix, new GemmOptions { Residual = a.Matrix }));
        Assert.Throws<ArgumentException>(() => gemm.Multiply(a.Matrix, packed, c.Matrix, new GemmOptions { ExtensionA = a.Matrix }));
        Assert.Throws<ArgumentException>(() => gemm.Multiply(
            a.Matrix, packed, c.Matrix,
            new GemmOptions { ExtensionA = new GuardedMatrix(4, 2).Matrix, ExtensionB = new GuardedMatrix(3, 6).Matrix }));
        Assert.Throws<ArgumentException>(() => new Matrix(new float[10], 3, 4));
        Assert.Throws<ArgumentException>(() => new Matrix(new float[20], 3, 4, 3));
        Assert.Throws<ArgumentException>(() => new ReadOnlyMatrix(new float[20], -1, 4));
        Assert.Throws<ArgumentException>(() => new ReadOnlyMatrix(new float[20], int.MaxValue, int.MaxValue));
        Assert.Throws<ArgumentException>(() => new CpuGemm(threads, (GemmPath)17));
        packed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => gemm.Multiply(a.Matrix, packed, c.Matrix));
    }

    private static CpuGemm Gemm(CpuThreads threads, GemmPath path)
    {
        Assert.SkipUnless(GemmPaths.IsSupported(path), $"this processor has no {path}");
        return new CpuGemm(threads, path);
    }
}
