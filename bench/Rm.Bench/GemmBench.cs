using System.Diagnostics;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Bench;

/// <summary>Speed of the CPU matrix products on the linear layers of SmolLM2-135M, forward and backward.</summary>
internal static class GemmBench
{
    /// <summary>(N, K) of the layers: fused QKV, output, gate/up, down; then the same for the gradient of the input.</summary>
    public static readonly (int N, int K)[] Layers =
        [(960, 576), (576, 576), (3072, 576), (576, 1536), (576, 960), (576, 3072), (1536, 576)];

    public static readonly int[] TokenCounts = [250, 1000, 2100];

    public static int Run(string[] args)
    {
        int threadCount = 0;
        int repeats = 30;
        GemmPath? path = null;
        for (int i = 0; i + 1 < args.Length; i += 2)
        {
            switch (args[i])
            {
                case "--threads":
                    threadCount = int.Parse(args[i + 1]);
                    break;
                case "--repeats":
                    repeats = int.Parse(args[i + 1]);
                    break;
                case "--path":
                    path = Enum.Parse<GemmPath>(args[i + 1], ignoreCase: true);
                    break;
                default:
                    Console.Error.WriteLine($"gemm: unknown option {args[i]}");
                    return 2;
            }
        }

        using var threads = new CpuThreads(threadCount);
        using var gemm = new CpuGemm(threads, path);
        Console.WriteLine($"{gemm.Path}, {threads.Count} thread(s); GFLOP/s: median (p20 .. p80)");
        foreach (int m in TokenCounts)
        {
            foreach ((int n, int k) in Layers)
            {
                using var product = new GemmCase(gemm, threads, m, n, k);
                double[] seconds = Time(product.Run, repeats);
                Console.WriteLine(
                    $"M {m,5} N {n,5} K {k,5}  {Rate(seconds, 0.5),7:F1} ({Rate(seconds, 0.8),6:F1} .. {Rate(seconds, 0.2),6:F1})");

                double Rate(double[] sorted, double quantile) => product.Flops / sorted[(int)(quantile * (sorted.Length - 1))] / 1e9;
            }
        }

        return 0;
    }

    /// <summary>Times of <paramref name="repeats"/> calls in seconds, ascending, after a warm-up.</summary>
    public static double[] Time(Action action, int repeats)
    {
        for (int i = 0; i < 3; i++)
        {
            action();
        }

        double[] seconds = new double[repeats];
        for (int i = 0; i < repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds;
    }
}
