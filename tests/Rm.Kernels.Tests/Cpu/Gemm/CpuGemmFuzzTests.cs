using System.Globalization;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Kernels.Tests.Cpu.Gemm;

public sealed class CpuGemmFuzzTests
{
    [Fact]
    public void Random_products_have_the_bits_of_the_chain()
    {
        int iterations = int.Parse(Environment.GetEnvironmentVariable("BTRM_FUZZ_ITERATIONS") ?? "60", CultureInfo.InvariantCulture);
        int first = int.Parse(Environment.GetEnvironmentVariable("BTRM_FUZZ_SEED") ?? "0", CultureInfo.InvariantCulture);
        GemmPath[] paths = [.. Enum.GetValues<GemmPath>().Where(GemmPaths.IsSupported)];
        for (int seed = first; seed < first + iterations; seed++)
        {
            var random = new Random(seed);
            using var threads = new CpuThreads(random.Next(1, 5));
            using var gemm = new CpuGemm(threads, paths[random.Next(paths.Length)]);

            // Several products on one instance: its buffers hold what earlier, larger ones left.
            for (int round = 0; round < 4; round++)
            {
                RunOne(random, gemm, threads, $"seed {seed}, round {round}, {gemm.Path}, {threads.Count} threads");
            }
        }
    }

    private static void RunOne(Random random, CpuGemm gemm, CpuThreads threads, string what)
    {
        (int m, int n, int k) = (random.Next(1, 90), random.Next(1, 140), random.Next(0, 200));
        int r = random.Next(3) == 0 ? random.Next(1, 50) : 0;
        var a = GuardedMatrix.Random(m, k, random.Next(), random.Next(20));
        var b = GuardedMatrix.Random(k, n, random.Next(), random.Next(20));
        var s = GuardedMatrix.Random(m, r, random.Next(), random.Next(5));
        var extension = GuardedMatrix.Random(r, n, random.Next());
        var c = GuardedMatrix.Random(m, n, random.Next(), random.Next(40));
        GuardedMatrix? start = random.Next(2) == 0 ? c.Copy() : null;
        GuardedMatrix? residual = random.Next(2) == 0 ? GuardedMatrix.Random(m, n, random.Next()) : null;
        float[]? bias = random.Next(2) == 0 ? [.. Enumerable.Range(0, n).Select(_ => random.NextSingle())] : null;
        var options = new GemmOptions
        {
            Accumulate = start is not null,
            Bias = bias,
            Residual = residual is null ? default : residual.Matrix,
            ExtensionA = s.Matrix,
            ExtensionB = extension.Matrix,
        };
        GuardedMatrix expected = GemmReference.Product(a, b, start, s, extension, bias, residual);
        if (random.Next(2) == 0)
        {
            using var packed = PackedMatrix.Pack(b.Matrix, threads);
            gemm.Multiply(a.Matrix, packed, c.Matrix, options);
        }
        else
        {
            bool transposeA = random.Next(2) == 0;
            gemm.Multiply((transposeA ? a.Transposed() : a).Matrix, transposeA, b.Matrix, false, c.Matrix, options);
        }

        c.AssertBits(expected, what);
    }
}
