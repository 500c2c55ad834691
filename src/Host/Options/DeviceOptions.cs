using System.CommandLine;
using System.Globalization;
using Rm.Formats;
using Rm.Host.Reporting;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Batching;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Options;

/// <summary>Where to compute.</summary>
internal sealed class DeviceOptions : OptionGroup
{
    private const string EmulatedPtx = "emulated:ptx";

    private static readonly Dictionary<string, Recompute?> RecomputeModes =
        Enum.GetValues<Recompute>().Select(mode => (Name: mode.Name(), Mode: (Recompute?)mode)).Prepend(("auto", null))
            .ToDictionary(choice => choice.Name, choice => choice.Mode, StringComparer.Ordinal);

    private static readonly Dictionary<string, GemmChoice> GemmChoices =
        new(StringComparer.Ordinal)
        {
            ["own"] = GemmChoice.Own,
            ["cublaslt"] = GemmChoice.CublasLt,
            ["wgmma"] = GemmChoice.Wgmma,
        };

    private readonly Option<string> _device;
    private readonly Option<int> _threads;
    private readonly Option<string>? _recompute;
    private readonly Option<string?>? _memory;
    private readonly Option<string> _gemm;

    /// <summary>The options; <paramref name="withModel"/>: those about a model's memory too.</summary>
    public DeviceOptions(bool withModel = true)
    {
        _device = Add("--device", "auto, cpu, cuda, cuda:N, emulated (the kernels on the CPU, for tests) or emulated:ptx (their PTX, "
            + "instruction by instruction).", "auto", "DEVICE");
        _threads = Add("--threads", "Processor threads; 0 takes all.", 0, "N");
        _recompute = !withModel ? null : Add(
            "--recompute", $"What backward computes again instead of keeping it: {string.Join(", ", RecomputeNames.All)}, or auto, the "
                + $"cheapest that fits.", "auto", "MODE");
        _memory = !withModel
            ? null
            : AddOptional<string>("--memory", "Most memory of the device that training may plan with; default: what is free.", "SIZE");
        _gemm = Add("--gemm", "Whose kernels multiply matrices on a GPU: own, cublaslt for comparison, or wgmma (Hopper, never run on "
            + "hardware).", "own", "NAME");
    }

    /// <summary>
    /// Plans the memory of a training run, says on stderr what was planned, and returns the plan, whose mode is what backward computes
    /// again.
    /// </summary>
    /// <exception cref="UserInputException">The run does not fit; the message says what would.</exception>
    public MemoryPlan Plan(
        ParseResult result, IBackend backend, ModelConfig config, TrainingScope scope, DType weights, IWeightSource? forms,
        MicroBatchExtent training, MicroBatchExtent? scoring = null)
    {
        Recompute? asked = Choose(result, _recompute!, RecomputeModes);
        long free = Math.Min(backend.FreeMemory, ReadSize(_memory!.Name, result.GetValue(_memory)) ?? long.MaxValue);
        var planner = new MemoryPlanner(() => backend.DryRun(weights), config, scope, forms);
        MemoryPlan plan = new MemoryChoice(planner, free, training, scoring).Choose(asked);
        MemoryPlanReport.Write(plan, free, chosen: asked is null, Console.Error);
        return plan with { Free = free };
    }

    /// <summary>
    /// Throws <see cref="UserInputException"/> for values that make no sense; called before the data is read, which may take long.
    /// </summary>
    public void Check(ParseResult result)
    {
        Choose(result, _recompute!, RecomputeModes);
        ReadSize(_memory!.Name, result.GetValue(_memory));
        Choose(result, _gemm, GemmChoices);
        Require(result.GetValue(_threads) >= 0, _threads, "must be 0 or more");
        if (result.GetValue(_device) is { } device and not ("auto" or "cpu" or "emulated" or EmulatedPtx))
        {
            Ordinal(device);
        }
    }

    /// <summary>The size that an option was given, in bytes, or null when it was not.</summary>
    public static long? ReadSize(string option, string? text) => text is null
        ? null
        : MemoryText.Parse(text) ?? throw new UserInputException($"{option} '{text}' is no size. Write 24GB, 22.5GiB or 512MiB.");

    /// <summary>
    /// Opens the device, the CPU where <paramref name="prefersCpu"/> and no other is named. Says on stderr which one and why.
    /// </summary>
    /// <exception cref="UserInputException">The device that was asked for is unknown or cannot be used.</exception>
    public IBackend Open(ParseResult result, bool prefersCpu = false)
    {
        string device = prefersCpu && result.GetResult(_device) is not { Implicit: false } ? "cpu" : result.GetValue(_device)!;
        int threads = result.GetValue(_threads);
        Require(threads >= 0, _threads, "must be 0 or more");
        GemmChoice gemm = Choose(result, _gemm, GemmChoices);
        Require(gemm == GemmChoice.Own || device != "cpu", _gemm, "is about GPUs: the CPU has its own matrix products only");
        (IBackend backend, string? why) = device switch
        {
            "cpu" => (Cpu(threads), null),
            "auto" => Auto(threads, gemm),
            "emulated" or EmulatedPtx => (Emulated(device, gemm), null),
            _ => ((IBackend)Cuda(device, Ordinal(device), gemm), (string?)null),
        };
        Console.Error.WriteLine($"device: {backend.Description}{(why is null ? "" : $" (auto: {why})")}");
        return backend;
    }

    /// <summary>The processor with the threads asked for, beside another device.</summary>
    public CpuBackend OpenCpu(ParseResult result) => Cpu(result.GetValue(_threads));

    private static CpuBackend Cpu(int threads) => new(threads == 0 ? Environment.ProcessorCount : threads);

    // The emulator is for tests: it is taken only when it is asked for.
    private static (IBackend Backend, string Why) Auto(int threads, GemmChoice gemm)
    {
        string? problem = "the CUDA driver is the emulator";
        bool lacksKernels = false;
        if (!CudaDevices.IsEmulated && CudaDevices.TryOpenFirst(out problem, out lacksKernels, gemm) is { } gpu)
        {
            return (gpu, "the first GPU that works");
        }

        // Days on the CPU beside an idle GPU are nobody's wish.
        if (lacksKernels)
        {
            throw new UserInputException(
                $"--device auto: there is a GPU, and it cannot be used. {problem} To train on the CPU all the same, say --device cpu.");
        }

        return gemm == GemmChoice.Own
            ? (Cpu(threads), $"no GPU, {problem}")
            : throw new UserInputException($"--gemm asks for a GPU's products, and none can be used: {problem}");
    }

    private static CudaBackend Emulated(string device, GemmChoice gemm)
    {
        CudaDevices.UseEmulator(ptx: device == EmulatedPtx);
        if (!CudaDevices.IsEmulated)
        {
            throw new UserInputException(
                $"--device {device}: there is no emulator beside the executable. Build it (native/build-emulator.sh in btrm's source) and "
                    + $"set "
                + "BTRM_CUDA_LIBRARY to its path.");
        }

        return Cuda(device, 0, gemm);
    }

    private static CudaBackend Cuda(string device, int ordinal, GemmChoice gemm) => CudaDevices.TryOpen(ordinal, out string? problem, gemm)
        ?? throw new UserInputException($"--device {device} cannot be used: {problem}");

    private static int Ordinal(string device)
    {
        if (device == "cuda")
        {
            return 0;
        }

        const string Prefix = "cuda:";
        return device.StartsWith(Prefix, StringComparison.Ordinal)
            && int.TryParse(device.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal)
                ? ordinal
                : throw new UserInputException(
                    $"--device '{device}' is not known. Choose auto, cpu, cuda, cuda:N, emulated or emulated:ptx.");
    }
}
