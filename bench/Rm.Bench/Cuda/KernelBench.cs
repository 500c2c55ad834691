using System.Globalization;
using System.Text.Json;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Bench.Cuda;

/// <summary>
/// Times each kernel at the shapes of real models: verified first, then median and p20 .. p80 of launches from a cold second-level cache,
/// as GB/s or TFLOP/s and as share of a measured ceiling.
/// </summary>
internal static class KernelBench
{
    public static int Run(string[] args)
    {
        string filter = Option(args, "--filter", "");
        int ordinal = int.Parse(Option(args, "--device", "0"));
        int repeats = int.Parse(Option(args, "--repeats", "50"));
        double tensorCeiling = double.Parse(Option(args, "--ceiling-tflops", "0")) * 1e12;
        string jsonl = Option(args, "--jsonl", "");
        using CudaSession session = new(ordinal);
        using KernelTimer timer = new(session);
        bool emulated = CudaLibraries.IsEmulated;
        double copy = timer.CopyBandwidth(emulated ? 3 : repeats);
        Console.WriteLine(
            $"{session.Device}{(emulated ? " (emulated: these times say nothing about a GPU)" : "")}; copy {copy / 1e9:F0} GB/s; "
            + $"{repeats} launches; median (p20 .. p80)");
        bool wrong = false;
        foreach ((string name, Func<KernelCase> make) in Cases(session, emulated))
        {
            if (!name.Contains(filter, StringComparison.Ordinal))
            {
                continue;
            }

            using KernelCase one = make();
            if (one.Verify() is { } problem)
            {
                Console.WriteLine($"{one.Name,-52} WRONG: {problem}");
                wrong = true;
                continue;
            }

            session.Device.StartProfiler();
            double[] seconds = timer.Time(one.Run, repeats);
            session.Device.StopProfiler();
            double amount = one.Flops > 0 ? one.Flops : one.Bytes, ceiling = one.Flops > 0 ? tensorCeiling : copy;
            (double unit, string unitName) = one.Flops > 0 ? (1e12, "TFLOP/s") : (1e9, "GB/s");
            double Rate(double quantile) => amount / seconds[(int)(quantile * (seconds.Length - 1))];
            string share = ceiling > 0 ? $"{Rate(0.5) / ceiling,7:P1}" : "";
            Console.WriteLine(
                $"{one.Name,-52} {seconds[seconds.Length / 2] * 1e6,9:F1} us  "
                + $"{Rate(0.5) / unit,8:F2} ({Rate(0.8) / unit:F2} .. {Rate(0.2) / unit:F2}) {unitName} {share}");
            if (jsonl.Length != 0)
            {
                AppendRow(jsonl, session.Device, emulated, one, seconds, ceiling);
            }
        }

        return wrong ? 1 : 0;
    }

    // Qwen2.5-3B at 8192 tokens; under the emulator shapes that it finishes in seconds.
    private static IEnumerable<(string Name, Func<KernelCase> Make)> Cases(CudaSession session, bool emulated)
    {
        int rows = emulated ? 64 : 8192, hidden = emulated ? 256 : 2048, intermediate = emulated ? 512 : 11008;
        foreach (bool backward in new[] { false, true })
        {
            yield return ($"rms_norm_{backward}", () => new RmsNormCase(session, backward, rows, hidden));
            yield return ($"swiglu_{backward}", () => new SwiGluCase(session, backward, rows, intermediate));
            yield return ($"lora_product_{backward}", () => new LoraProductCase(session, backward, rows, hidden, rank: 16));
            foreach ((int outputs, int inputs) in new[]
                     {
                         (hidden + (hidden / 4), hidden), (2 * intermediate, hidden), (hidden, intermediate),
                     })
            {
                foreach (GemmChoice gemm in Products(session))
                {
                    yield return ($"linear_{backward}_{gemm}", () => new LinearCase(session, gemm, backward, rows, outputs, inputs));
                }
            }
        }

        yield return ("lora_gradient", () => new LoraGradientCase(session, rows, hidden, rank: 16));
    }

    private static IEnumerable<GemmChoice> Products(CudaSession session)
    {
        yield return GemmChoice.Own;
        if (session.Device.Architecture == CudaArchitecture.Hopper)
        {
            yield return GemmChoice.Wgmma;
        }

        if (CublasLt.IsAvailable)
        {
            yield return GemmChoice.CublasLt;
        }
    }

    private static void AppendRow(string path, CudaDevice device, bool emulated, KernelCase one, double[] seconds, double ceiling)
    {
        using MemoryStream row = new();
        using (Utf8JsonWriter json = new(row))
        {
            json.WriteStartObject();
            json.WriteString("time", DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
            json.WriteString("device", device.Name);
            json.WriteBoolean("emulated", emulated);
            json.WriteString("case", one.Name);
            json.WriteNumber("median_s", seconds[seconds.Length / 2]);
            json.WriteNumber("p20_s", seconds[(seconds.Length - 1) / 5]);
            json.WriteNumber("p80_s", seconds[(seconds.Length - 1) * 4 / 5]);
            json.WriteNumber("bytes", one.Bytes);
            json.WriteNumber("flops", one.Flops);
            json.WriteNumber("ceiling_per_s", ceiling);
            json.WriteEndObject();
        }

        row.WriteByte((byte)'\n');
        using FileStream file = new(path, FileMode.Append);
        file.Write(row.ToArray());
    }

    private static string Option(string[] args, string name, string fallback) =>
        Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : fallback;
}
