using System.Diagnostics;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Bench;

/// <summary>
/// Times one product for each line "M N K" on standard input and answers the seconds of the call on standard output, so that a script
/// can take turns with another program: both then see the same load of the machine.
/// </summary>
internal static class GemmServe
{
    public static int Run(string[] args)
    {
        using var threads = new CpuThreads(args.Length > 0 ? int.Parse(args[0]) : 0);
        using var gemm = new CpuGemm(threads);
        GemmCase? product = null;
        string shape = "";
        while (Console.ReadLine() is { } line)
        {
            if (line != shape)
            {
                int[] sizes = [.. line.Split(' ').Select(int.Parse)];
                product?.Dispose();
                product = new GemmCase(gemm, threads, sizes[0], sizes[1], sizes[2]);
                shape = line;
                product.Run();
            }

            product!.Run();
            long start = Stopwatch.GetTimestamp();
            product.Run();
            Console.WriteLine(Stopwatch.GetElapsedTime(start).TotalSeconds.ToString("R"));
        }

        product?.Dispose();
        return 0;
    }
}
