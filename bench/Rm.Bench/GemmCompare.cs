using System.Diagnostics;
using System.Text.Json;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Bench;

/// <summary>
/// Takes turns with another program, which answers each line "M N K" with the seconds of its own product, and reports medians of both:
/// an interleaved run is fair on a machine that others use too. Started by <c>bench/peers/sgemm.sh</c>.
/// </summary>
internal static class GemmCompare
{
    public static int Run(string[] args)
    {
        Dictionary<string, string> options = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1]);
        int rounds = int.Parse(options["--rounds"]);
        using var threads = new CpuThreads(int.Parse(options["--threads"]));
        using var gemm = new CpuGemm(threads);
        using var peer = Process.Start(new ProcessStartInfo(options["--peer"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        string cpu = File.ReadLines("/proc/cpuinfo").First(line => line.StartsWith("model name", StringComparison.Ordinal)).Split(": ")[1];
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options["--results"]))!);
        Console.WriteLine($"{cpu}, {threads.Count} thread(s), GFLOP/s: medians of {rounds} rounds in turns");
        Console.WriteLine("    M     N     K     ours  openblas   ratio");
        double product = 1;
        int rows = 0;
        foreach (int m in GemmBench.TokenCounts)
        {
            foreach ((int n, int k) in GemmBench.Layers)
            {
                (double ours, double theirs) = Median(gemm, threads, peer, m, n, k, rounds);
                double ratio = ours / theirs;
                product *= ratio;
                rows++;
                Console.WriteLine($"{m,5} {n,5} {k,5}  {ours,7:F1}   {theirs,7:F1}  {ratio,6:F3}");
                File.AppendAllText(options["--results"], Row(cpu, threads.Count, m, n, k, ours, theirs) + "\n");
            }
        }

        Console.WriteLine($"geometric mean of the ratios: {Math.Pow(product, 1.0 / rows):F3}");
        peer.StandardInput.Close();
        peer.WaitForExit();
        return peer.ExitCode;
    }

    private static (double Ours, double Theirs) Median(CpuGemm gemm, CpuThreads threads, Process peer, int m, int n, int k, int rounds)
    {
        using var own = new GemmCase(gemm, threads, m, n, k);
        var ours = new double[rounds];
        var theirs = new double[rounds];
        own.Run();
        for (int i = 0; i < rounds; i++)
        {
            // One call that does not count on either side: the turn has left the caches and the workers cold.
            own.Run();
            long start = Stopwatch.GetTimestamp();
            own.Run();
            ours[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            peer.StandardInput.WriteLine($"{m} {n} {k}");
            peer.StandardInput.Flush();
            theirs[i] = double.Parse(peer.StandardOutput.ReadLine() ?? throw new InvalidDataException("the peer program ended"));
        }

        Array.Sort(ours);
        Array.Sort(theirs);
        return (own.Flops / ours[rounds / 2] / 1e9, own.Flops / theirs[rounds / 2] / 1e9);
    }

    private static string Row(string cpu, int threads, int m, int n, int k, double ours, double theirs)
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
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.ToArray());
    }
}
