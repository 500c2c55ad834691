using System.Diagnostics;
using System.Text.Json;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Bench;

/// <summary>
/// Takes turns with another program, which answers each line "M N K" with the seconds of its own product's best call in a turn of 40 ms,
/// and reports medians over turns of both: an interleaved run is fair on a machine that others use too. Started by
/// <c>bench/peers/sgemm.sh</c>.
/// </summary>
internal static class GemmCompare
{
    public static int Run(string[] args)
    {
        var options = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1]);
        int rounds = int.Parse(options["--rounds"]);
        using var threads = new CpuThreads(int.Parse(options["--threads"]));
        using var gemm = new CpuGemm(threads);
        using Process peer =
            Process.Start(new ProcessStartInfo(options["--peer"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        string cpu = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("model name", StringComparison.Ordinal)).Split(": ")[1];
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options["--results"]))!);
        Console.WriteLine($"{cpu}, {threads.Count} thread(s), GFLOP/s: medians of the best call in each of {rounds} turns; quiet: ratio "
            + $"of the 10% quantiles");
        Console.WriteLine("    M     N     K     ours  openblas   ratio   quiet");
        double product = 1;
        double quietProduct = 1;
        int rows = 0;
        foreach (int m in GemmBench.TokenCounts)
        {
            foreach ((int n, int k) in GemmBench.Layers)
            {
                if (options.TryGetValue("--only", out string? shape) && shape != $"{m} {n} {k}")
                {
                    continue;
                }

                (double[] ourTimes, double[] theirTimes) = Time(gemm, threads, peer, m, n, k, rounds);
                double ours = Rate(ourTimes, rounds / 2);
                double theirs = Rate(theirTimes, rounds / 2);
                double ratio = ours / theirs;
                double quietRatio = Rate(ourTimes, rounds / 10) / Rate(theirTimes, rounds / 10);
                product *= ratio;
                quietProduct *= quietRatio;
                rows++;
                Console.WriteLine($"{m,5} {n,5} {k,5}  {ours,7:F1}   {theirs,7:F1}  {ratio,6:F3}  {quietRatio,6:F3}");
                File.AppendAllText(options["--results"], Row(cpu, threads.Count, m, n, k, ours, theirs, quietRatio) + "\n");

                double Rate(double[] sorted, int index) => 2.0 * m * n * k / sorted[index] / 1e9;
            }
        }

        Console.WriteLine(
            $"geometric means of the ratios: median {Math.Pow(product, 1.0 / rows):F3}, quiet {Math.Pow(quietProduct, 1.0 / rows):F3}");
        peer.StandardInput.Close();
        peer.WaitForExit();
        return peer.ExitCode;
    }

    private static (double[] Ours, double[] Theirs) Time(CpuGemm gemm, CpuThreads threads, Process peer, int m, int n, int k, int rounds)
    {
        // BLAS threads keep spinning for tens of milliseconds after a call; without a pause they would take our turn's cores.
        const int pauseMilliseconds = 60;
        const int turnMilliseconds = 40;
        using var own = new GemmCase(gemm, threads, m, n, k);
        double[] ours = new double[rounds];
        double[] theirs = new double[rounds];
        for (int i = 0; i < rounds; i++)
        {
            Thread.Sleep(pauseMilliseconds);

            // A turn's best call: at its start caches are cold and workers asleep, and others may take a processor in the middle.
            long turn = Stopwatch.GetTimestamp();
            ours[i] = double.MaxValue;
            for (int call = 0; call < 3 || Stopwatch.GetElapsedTime(turn).TotalMilliseconds < turnMilliseconds; call++)
            {
                long start = Stopwatch.GetTimestamp();
                own.Run();
                ours[i] = Math.Min(ours[i], Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            peer.StandardInput.WriteLine($"{m} {n} {k}");
            peer.StandardInput.Flush();
            theirs[i] = double.Parse(peer.StandardOutput.ReadLine() ?? throw new InvalidDataException("the peer program ended"));
        }

        Array.Sort(ours);
        Array.Sort(theirs);
        return (ours, theirs);
    }

    private static string Row(string cpu, int threads, int m, int n, int k, double ours, double theirs, double quietRatio)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("date", DateTime.UtcNow.ToString("yyyy-MM-dd"));
            json.WriteString("cpu", cpu);
            json.WriteNumber("threads", threads);
            json.WriteNumber("m", m);
            json.WriteNumber("n", n);
            json.WriteNumber("k", k);
            json.WriteNumber("ours_gflops", Math.Round(ours, 1));
            json.WriteNumber("openblas_gflops", Math.Round(theirs, 1));
            json.WriteNumber("ratio", Math.Round(ours / theirs, 3));
            json.WriteNumber("ratio_p10", Math.Round(quietRatio, 3));
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}
