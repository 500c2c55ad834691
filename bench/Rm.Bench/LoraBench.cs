using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Bench;

/// <summary>
/// What LoRA adds to a linear layer on the CPU: the K extension, the skinny products and the outer products, next to the layer itself.
/// </summary>
internal static class LoraBench
{
    public static int Run(string[] args)
    {
        var options = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1]);
        using var threads = new CpuThreads(int.Parse(options.GetValueOrDefault("--threads", "0")));
        using var gemm = new CpuGemm(threads);
        int m = int.Parse(options.GetValueOrDefault("--tokens", "1000"));
        const int n = 1536;
        const int k = 576;
        Console.WriteLine($"{gemm.Path}, {threads.Count} thread(s), M {m} N {n} K {k}; median milliseconds");
        Console.WriteLine("    R    layer  layer+extension  S = x A^T  dA = dS^T x  dB^T = S^T dY");
        float[] x = GemmCase.Values(m * k, 1);
        float[] y = new float[m * n];
        float[] dY = GemmCase.Values(m * n, 3);
        using var w = PackedMatrix.PackTransposed(new ReadOnlyMatrix(GemmCase.Values(n * k, 2), n, k), threads);
        foreach (int r in new[] { 4, 8, 16, 32, 64 })
        {
            float[] a = GemmCase.Values(r * k, 4);
            float[] b = GemmCase.Values(n * r, 5);
            float[] s = GemmCase.Values(m * r, 6);
            float[] dA = new float[r * k];
            float[] dB = new float[r * n];
            double layer = Median(() => gemm.Multiply(new ReadOnlyMatrix(x, m, k), w, new Matrix(y, m, n)));
            double extended = Median(() => gemm.Multiply(new ReadOnlyMatrix(x, m, k), w, new Matrix(y, m, n), new GemmOptions
            {
                ExtensionA = new ReadOnlyMatrix(s, m, r),
                ExtensionB = new ReadOnlyMatrix(b, n, r),
                TransposeExtensionB = true,
            }));
            double skinny =
                Median(() => gemm.MultiplySkinny(new ReadOnlyMatrix(x, m, k), new ReadOnlyMatrix(a, r, k), false, new Matrix(s, m, r)));
            double outerA =
                Median(() => gemm.MultiplyOuter(new ReadOnlyMatrix(s, m, r), new ReadOnlyMatrix(x, m, k), new Matrix(dA, r, k), false));
            double outerB =
                Median(() => gemm.MultiplyOuter(new ReadOnlyMatrix(s, m, r), new ReadOnlyMatrix(dY, m, n), new Matrix(dB, r, n), false));
            Console.WriteLine($"{r,5} {layer,8:F3} {extended,16:F3} {skinny,10:F3} {outerA,12:F3} {outerB,14:F3}");
        }

        return 0;
    }

    private static double Median(Action action)
    {
        double[] seconds = GemmBench.Time(action, 41);
        return 1e3 * seconds[20];
    }
}
