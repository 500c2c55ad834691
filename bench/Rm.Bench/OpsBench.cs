using System.Diagnostics;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Bench;

/// <summary>
/// Times every operation of a training step at the shape of SmolLM2-135M: median milliseconds, work rate, and share of the step.
/// </summary>
internal static class OpsBench
{
    private const int Layers = 30, C = 576, F = 1536, H = 9, G = 3, D = 64, Rank = 16;
    private const int Qkv = (H + (2 * G)) * D;

    public static int Run(string[] args)
    {
        int threads = Option(args, "--threads", 0);
        int repeats = Option(args, "--repeats", 9);
        int groups = Option(args, "--pairs", 4);
        using var backend = new CpuBackend(threads);
        using TensorArena arena = backend.CreateArena();
        SequenceLayout layout = Pairs(groups);
        using PreparedLayout prepared = backend.Prepare(layout);
        int t = layout.TokenCount;
        Console.WriteLine($"{backend.Description}; T={t} ({groups} pairs: prefix 150, tails of 55), {Layers} layers, C={C} F={F} H={H} "
            + $"G={G} D={D} r={Rank}");
        var table = new Table(repeats);
        foreach ((string name, int count, double flops, double bytes, Action body) in Rows(backend, arena, prepared, t))
        {
            if (Array.IndexOf(args, "--only") is var at and >= 0 && !name.Contains(args[at + 1], StringComparison.Ordinal))
            {
                continue;
            }

            table.Add(name, count, flops, bytes, body);
        }

        table.Print();
        return 0;
    }

    private static IEnumerable<(string Name, int Count, double Flops, double Bytes, Action Body)> Rows(
        CpuBackend backend, TensorArena arena, PreparedLayout prepared, int t)
    {
        Tensor x = Values(backend, t, C), y = Values(backend, t, C), dx = Values(backend, t, C);
        Tensor w = Values(backend, 1, C), rstd = Values(backend, 1, t), dw = Values(backend, 1, C);
        double row = 4.0 * t * C;
        yield return ("rms_norm forward", 2 * Layers, 0, 2 * row, () => backend.RmsNormForward(new(x, w, 1e-5f, y, rstd)));
        yield return ("rms_norm backward", 2 * Layers, 0, 4 * row, () => backend.RmsNormBackward(new(y, x, w, rstd, dx, dx, null)));
        yield return ("rms_norm backward with dW", 0, 0, 6 * row, () => backend.RmsNormBackward(new(y, x, w, rstd, dx, dx, dw)));

        Tensor gateUp = Values(backend, t, 2 * F), act = Values(backend, t, F), dGateUp = Values(backend, t, 2 * F);
        yield return ("swiglu forward", Layers, 0, 12.0 * t * F, () => backend.SwiGluForward(new(gateUp, act)));
        yield return ("swiglu backward", Layers, 0, 20.0 * t * F, () => backend.SwiGluBackward(new(act, gateUp, dGateUp)));

        Tensor qkv = Values(backend, t, Qkv), cosSin = Values(backend, t, D);
        float[] frequencies = [.. Enumerable.Range(0, D / 2).Select(i => (float)Math.Pow(1e5, -2.0 * i / D))];
        yield return ("rope_table", 1, 0, 4.0 * t * D, () => backend.RopeTable(new(prepared, frequencies, cosSin)));
        yield return ("rope_apply (q, k together)", 2 * Layers, 0, 8.0 * t * (H + G) * D,
            () => backend.RopeApply(new(qkv.SliceColumns(0, (H + G) * D), cosSin, false)));

        Tensor q = qkv.SliceColumns(0, H * D), k = qkv.SliceColumns(H * D, G * D), v = qkv.SliceColumns((H + G) * D, G * D);
        Tensor o = Values(backend, t, H * D), lse = Values(backend, t, H), dQkv = Values(backend, t, Qkv);
        double pairs = prepared.Layout.Segments.Sum(s => ((double)s.Length * s.PrefixLength) + (s.Length * (s.Length + 1.0) / 2));
        yield return ("attention forward", Layers, 4 * pairs * H * D, 0,
            () => backend.AttentionForward(new(prepared, q, k, v, D, 0.125f, o, lse)));
        yield return ("attention backward", Layers, 10 * pairs * H * D, 0, () => backend.AttentionBackward(new(
            prepared, y, q, k, v, o, lse, D, 0.125f, dQkv.SliceColumns(0, H * D), dQkv.SliceColumns(H * D, G * D),
            dQkv.SliceColumns((H + G) * D, G * D), arena)));

        foreach ((string name, int outputs, int inputs, int[] parts, Tensor input, Tensor output, Tensor dOutput) in new[]
                 {
                     ("qkv", Qkv, C, new[] { H * D, G * D, G * D }, x, qkv, dQkv), ("output", C, H * D, new[] { C }, o, y, dx),
                     ("gate_up", 2 * F, C, new[] { F, F }, x, gateUp, dGateUp), ("down", C, F, new[] { C }, act, y, dx),
                 })
        {
            (LinearWeight weight, LoraFactors lora) = Adapted(backend, outputs, inputs, parts);
            Tensor s = Values(backend, t, lora.TotalRank), dInput = Values(backend, t, inputs);
            double flops = 2.0 * t * outputs * inputs;
            yield return ($"linear {name} forward", Layers, flops, 0,
                () => backend.LinearForward(new(prepared, input, weight, null, null, lora, s, output)));
            yield return ($"linear {name} backward", Layers, flops, 0,
                () => backend.LinearBackward(new(prepared, dOutput, input, weight, lora, s, dInput, false, null, null, arena)));
        }

        LinearWeight dropped = backend.CreateFrozenWeight(Qkv, C, needsInputGradient: true);
        dropped.Load(0, new float[Qkv * C]);
        LoraFactors withDropout = Adapted(backend, Qkv, C, [H * D, G * D, G * D]).Lora with { Dropout = new LoraDropout(0.1f, 1) };
        Tensor dropS = Values(backend, t, withDropout.TotalRank);
        yield return ("linear qkv forward, dropout", 0, 2.0 * t * Qkv * C, 0,
            () => backend.LinearForward(new(prepared, x, dropped, null, null, withDropout, dropS, qkv)));

        Tensor table = Values(backend, 4096, C);
        yield return ("embedding forward", 1, 0, 2 * row, () => backend.EmbeddingForward(new(prepared, table, x)));
        Tensor flat = Values(backend, 1, 4_900_000), gradient = Values(backend, 1, 4_900_000);
        Tensor first = Values(backend, 1, 4_900_000), second = backend.AllocatePersistent(DType.F32, new Shape(4_900_000));
        yield return ("norm of 4.9M", 1, 0, 4 * 4.9e6, () => backend.Norm(gradient));
        yield return ("adamw of 4.9M", 1, 0, 28 * 4.9e6,
            () => backend.AdamW(new(flat, gradient, first, second, [new(0, 4_900_000, 1e-4, 0)], 1, 1)));
    }

    private static (LinearWeight Weight, LoraFactors Lora) Adapted(CpuBackend backend, int outputs, int inputs, int[] partColumns)
    {
        LinearWeight weight = backend.CreateFrozenWeight(outputs, inputs, needsInputGradient: true);
        weight.Load(0, Numbers(outputs * inputs));
        int rank = Rank * partColumns.Length;
        var parts = new List<LoraPart>();
        int column = 0;
        for (int i = 0; i < partColumns.Length; i++)
        {
            parts.Add(new LoraPart(
                column, i * Rank, Values(backend, partColumns[i], Rank), Values(backend, partColumns[i], Rank), (uint)i));
            column += partColumns[i];
        }

        return (weight, new LoraFactors(Values(backend, rank, inputs), Values(backend, rank, inputs), parts, 2, null));
    }

    private static SequenceLayout Pairs(int count)
    {
        var builder = new SequenceLayoutBuilder();
        var random = new Random(1);
        for (int i = 0; i < count; i++)
        {
            int[] chosen = [.. Enumerable.Range(0, 205).Select(_ => random.Next(4096))];
            int[] rejected = [.. chosen[..150], .. Enumerable.Range(0, 55).Select(_ => random.Next(4096))];
            builder.AddGroup([chosen, rejected], 150, (ulong)i);
        }

        return builder.Build();
    }

    private static Tensor Values(CpuBackend backend, int rows, int columns)
    {
        Tensor tensor = backend.AllocatePersistent(DType.F32, new Shape(rows, columns));
        backend.Upload<float>(Numbers(rows * columns), tensor);
        return tensor;
    }

    private static float[] Numbers(int count)
    {
        var random = new Random(count);
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            values[i] = (2 * random.NextSingle()) - 1;
        }

        return values;
    }

    private static int Option(string[] args, string name, int fallback) =>
        Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1]) : fallback;

    private sealed class Table(int repeats)
    {
        private readonly List<(string Name, int Count, double Flops, double Bytes, double Milliseconds, double Processor)> _rows = [];

        public void Add(string name, int count, double flops, double bytes, Action body)
        {
            // Twice to reach optimised code and warm caches.
            body();
            body();
            double[] times = new double[repeats];
            using var process = Process.GetCurrentProcess();
            process.Refresh();
            TimeSpan before = process.TotalProcessorTime;
            for (int i = 0; i < repeats; i++)
            {
                long start = Stopwatch.GetTimestamp();
                body();
                times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            }

            // Processor time, unlike the clock, does not count what other programs on a shared machine take; with several threads it
            // includes their waiting for each other.
            process.Refresh();
            double processor = (process.TotalProcessorTime - before).TotalMilliseconds / repeats;
            Array.Sort(times);
            _rows.Add((name, count, flops, bytes, times[repeats / 2], processor));
        }

        public void Print()
        {
            double step = _rows.Sum(r => r.Count * r.Milliseconds);
            Console.WriteLine($"{"operation",-30} {"ms",9} {"cpu ms",9} {"GFLOP/s",9} {"GB/s",7} {"a step",7} {"ms/step",9} {"share",7}");
            foreach ((string name, int count, double flops, double bytes, double ms, double processor) in _rows)
            {
                string rate = flops > 0 ? $"{flops / ms / 1e6:f1}" : "";
                string bandwidth = bytes > 0 ? $"{bytes / ms / 1e6:f1}" : "";
                Console.WriteLine(
                    $"{name,-30} {ms,9:f3} {processor,9:f3} {rate,9} {bandwidth,7} {count,7} {count * ms,9:f1} {count * ms / step,7:p1}");
            }

            Console.WriteLine($"{"sum",-30} {"",9} {"",9} {"",9} {"",7} {"",7} {step,9:f1}");
        }
    }
}
