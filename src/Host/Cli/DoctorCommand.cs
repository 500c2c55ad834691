using System.CommandLine;
using System.Diagnostics;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Hub;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Doctor;
using Rm.Host.Options;
using Rm.Kernels.Checks;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;

namespace Rm.Host.Cli;

/// <summary><c>btrm doctor</c>: what this machine can do, and whether its GPU computes the right thing.</summary>
internal sealed class DoctorCommand
{
    private readonly Option<bool> _json = new("--json") { Description = "Print JSON instead of text." };
    private readonly Option<bool> _kernels = new("--kernels")
    {
        Description = "Run every operation on the GPU and on the CPU, compare, and measure (--device, --gemm and --threads are for this).",
    };

    private readonly Option<bool> _baseError = new("--base-error")
    {
        Description = "Score pairs over --model with its matrices in each type of --base-dtype, and compare with bfloat16.",
    };

    private readonly Option<string?> _model = new("--model") { Description = "Reward model for --base-error.", HelpName = "DIR|ID" };
    private readonly Option<string?> _adapter = new("--adapter") { Description = "Its adapter, if it has one.", HelpName = "DIR|ID" };
    private readonly Option<string?> _data =
        new("--data") { Description = "Preference rows for --base-error; default: random tokens.", HelpName = "FILE" };
    private readonly Option<int> _pairs =
        new("--pairs") { Description = "Most pairs that are scored.", DefaultValueFactory = _ => 64, HelpName = "N" };
    private readonly DeviceOptions _device = new(withModel: false);

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("doctor", "What this machine can do for btrm, what is missing and how to get it.");
        foreach (Option option in new Option[] { _json, _kernels, _baseError, _model, _adapter, _data, _pairs })
        {
            command.Options.Add(option);
        }

        _device.AddTo(command);
        command.SetAction(result => result.GetValue(_kernels) ? CheckKernels(result)
            : result.GetValue(_baseError) ? CompareBases(result)
            : Examine(result.GetValue(_json)));
        return command;
    }

    private static int Examine(bool json)
    {
        DoctorReport report = DoctorExamination.Examine();
        if (json)
        {
            using Stream output = Console.OpenStandardOutput();
            DoctorJson.Write(report, output);
        }
        else
        {
            DoctorText.Write(report, Console.Out);
        }

        return ExitCodes.Success;
    }

    private int CompareBases(ParseResult result)
    {
        string name = result.GetValue(_model) ?? throw new UserInputException($"{_baseError.Name} needs {_model.Name} DIR.");
        var source = ModelSource.Open(name);
        int most = result.GetValue(_pairs) is > 0 and int given
            ? given
            : throw new UserInputException($"{_pairs.Name} must be at least 1.");
        string? adapter = result.GetValue(_adapter) is { } folder ? ModelResolver.Resolve(folder, ModelParts.Adapter) : null;
        IEnumerable<PreferencePair> pairs = BenchPairs.Create(source.Config.VocabSize, BenchLengths.Hh);
        if (result.GetValue(_data) is { } file)
        {
            var data =
                PairDataset.Load(RowSource.OpenFile(file), source.PairTokenizer(new TextOptions(VocabSize: source.Config.VocabSize)));
            data.RequirePairs(_baseError.Name);
            pairs = data.Pairs;
        }

        using IBackend device = _device.Open(result);
        var report = BaseErrorReport.Measure(name, adapter, [.. pairs.Take(most)], device);
        if (result.GetValue(_json))
        {
            WriteJson(report.WriteJson);
        }
        else
        {
            report.WriteText(Console.Out);
        }

        return ExitCodes.Success;
    }

    private static void WriteJson(Action<Stream> write)
    {
        using var text = new MemoryStream();
        write(text);
        Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(text.ToArray()));
    }

    private int CheckKernels(ParseResult result)
    {
        using IBackend device = _device.Open(result);
        if (device is CpuBackend)
        {
            throw new UserInputException(
                "--kernels compares a GPU with the CPU, and there is none here: give --device cuda (btrm doctor says what is missing) or "
                    + "emulated.");
        }

        using CpuBackend reference = _device.OpenCpu(result);
        KernelReport report = CheckKernels(device, reference);
        if (result.GetValue(_json))
        {
            WriteJson(report.WriteJson);
        }
        else
        {
            report.WriteText(Console.Out);
        }

        return report.Passed ? ExitCodes.Success : ExitCodes.Failed;
    }

    /// <summary>Runs the checks, with their progress on a terminal.</summary>
    private static KernelReport CheckKernels(IBackend device, CpuBackend reference)
    {
        bool emulated = CudaDevices.IsEmulated;
        long start = Stopwatch.GetTimestamp();
        var checker = new OperationChecker(device, reference, realShapes: !emulated);
        DeviceCeilings? ceilings = checker.MeasureCeilings();
        var results = new List<OperationCheckResult>();
        foreach (OperationCheckResult done in checker.Run(ceilings))
        {
            results.Add(done);
            if (!Console.IsErrorRedirected)
            {
                Console.Error.Write($"\rchecked {results.Count}/{checker.Count}{(results.Count == checker.Count ? "\n" : "")}");
            }
        }

        return new KernelReport(
            device.Description, emulated, reference.Description, ceilings, results, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }
}
