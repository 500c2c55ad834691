using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Kernels.Tests.Cpu.Gemm;

public sealed class CpuGemmSkinnyTests
{
    public static TheoryData<GemmPath> Paths { get; } = [GemmPath.Scalar, GemmPath.Avx2, GemmPath.Avx512];

    private static readonly (int M, int R, int K)[] s_shapes =
    [
        (1, 1, 1), (2, 3, 7), (7, 4, 8), (8, 8, 33), (9, 9, 64), (31, 15, 65), (32, 16, 17), (33, 17, 100), (65, 31, 13), (40, 32, 576),
        (70, 33, 29), (5, 48, 31), (100, 64, 61), (3, 4, 0), (130, 70, 40),
    ];

    [Theory]
    [MemberData(nameof(Paths))]
    public void Skinny_product_has_the_bits_of_the_chain(GemmPath path)
    {
        using var threads = new CpuThreads(3);
        using CpuGemm gemm = Gemm(threads, path);
        foreach ((int m, int r, int k) in s_shapes)
        {
            var x = GuardedMatrix.Random(m, k, 1);
            var a = GuardedMatrix.Random(r, k, 2);
            GuardedMatrix expected = GemmReference.Product(x, a.Transposed());
            expected.Fill((i, j) => 0.3f * expected[i, j]);
            foreach (bool transposed in new[] { false, true })
            {
                var s = new GuardedMatrix(m, r);
                gemm.MultiplySkinny(x.Matrix, (transposed ? a.Transposed() : a).Matrix, transposed, s.Matrix, 0.3f);
                s.AssertBits(expected, $"skinny {m} x {r} x {k}, transposed {transposed}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Outer_product_has_the_bits_of_the_chain(GemmPath path)
    {
        using var threads = new CpuThreads(3);
        using CpuGemm gemm = Gemm(threads, path);
        foreach ((int r, int m) in new[] { (1, 1), (2, 63), (3, 64), (4, 65), (7, 130), (8, 200), (9, 31), (14, 40), (16, 129), (33, 70),
            (64, 66), (5, 0) })
        {
            foreach (int n in new[] { 1, 31, 32, 33, 100, 576 })
            {
                var p = GuardedMatrix.Random(m, r, 3);
                var q = GuardedMatrix.Random(m, n, 4);
                var start = GuardedMatrix.Random(r, n, 5);
                GuardedMatrix g = start.Copy();
                gemm.MultiplyOuter(p.Matrix, q.Matrix, g.Matrix, accumulate: false);
                g.AssertBits(GemmReference.Product(p.Transposed(), q), $"outer {r} x {n} over {m}");

                g = start.Copy();
                gemm.MultiplyOuter(p.Matrix, q.Matrix, g.Matrix, accumulate: true);
                g.AssertBits(GemmReference.Product(p.Transposed(), q, start), $"outer added, {r} x {n} over {m}");
            }
        }
    }

    [Fact]
    public void Bits_do_not_depend_on_threads()
    {
        var p = GuardedMatrix.Random(300, 16, 6);
        var q = GuardedMatrix.Random(300, 700, 7);
        var a = GuardedMatrix.Random(16, 700, 8);
        GuardedMatrix? firstG = null;
        GuardedMatrix? firstS = null;
        foreach (int count in new[] { 1, 2, 7 })
        {
            using var threads = new CpuThreads(count);
            using var gemm = new CpuGemm(threads);
            var g = new GuardedMatrix(16, 700);
            var s = new GuardedMatrix(300, 16);
            gemm.MultiplyOuter(p.Matrix, q.Matrix, g.Matrix, accumulate: false);
            gemm.MultiplySkinny(q.Matrix, a.Matrix, false, s.Matrix);
            g.AssertBits(firstG ??= g, $"outer, {count} threads");
            s.AssertBits(firstS ??= s, $"skinny, {count} threads");
        }
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Nan_reaches_exactly_its_row_or_column(GemmPath path)
    {
        using var threads = new CpuThreads(2);
        using CpuGemm gemm = Gemm(threads, path);
        var x = GuardedMatrix.Random(20, 50, 9);
        x[11, 33] = float.NaN;
        var s = new GuardedMatrix(20, 5);
        gemm.MultiplySkinny(x.Matrix, GuardedMatrix.Random(5, 50, 10).Matrix, false, s.Matrix);
        var g = new GuardedMatrix(5, 50);
        gemm.MultiplyOuter(GuardedMatrix.Random(20, 5, 11).Matrix, x.Matrix, g.Matrix, accumulate: false);
        for (int r = 0; r < 5; r++)
        {
            Assert.All(Enumerable.Range(0, 20), i => Assert.Equal(i == 11, float.IsNaN(s[i, r])));
            Assert.All(Enumerable.Range(0, 50), j => Assert.Equal(j == 33, float.IsNaN(g[r, j])));
        }
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        using var threads = new CpuThreads(1);
        using var gemm = new CpuGemm(threads);
        var x = new GuardedMatrix(6, 9);
        Assert.Throws<ArgumentException>(
            () => gemm.MultiplySkinny(x.Matrix, new GuardedMatrix(2, 8).Matrix, false, new GuardedMatrix(6, 2).Matrix));
        Assert.Throws<ArgumentException>(
            () => gemm.MultiplySkinny(x.Matrix, new GuardedMatrix(2, 9).Matrix, true, new GuardedMatrix(6, 2).Matrix));
        Assert.Throws<ArgumentException>(
            () => gemm.MultiplySkinny(x.Matrix, new GuardedMatrix(2, 9).Matrix, false, new GuardedMatrix(5, 2).Matrix));
        Assert.Throws<ArgumentException>(
            () => gemm.MultiplyOuter(x.Matrix, new GuardedMatrix(5, 4).Matrix, new GuardedMatrix(9, 4).Matrix, false));
        Assert.Throws<ArgumentException>(
            () => gemm.MultiplyOuter(x.Matrix, new GuardedMatrix(6, 4).Matrix, new GuardedMatrix(9, 5).Matrix, false));
        Assert.Throws<ArgumentException>(
            () => gemm.MultiplyOuter(
                new GuardedMatrix(1, 1025).Matrix, new GuardedMatrix(1, 1).Matrix, new GuardedMatrix(1025, 1).Matrix, false));
    }

    private static CpuGemm Gemm(CpuThreads threads, GemmPath path)
    {
        Assert.SkipUnless(GemmPaths.IsSupported(path), $"this processor has no {path}");
        return new CpuGemm(threads, path);
    }
}
