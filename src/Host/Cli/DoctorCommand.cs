using System.CommandLine;
using System.Diagnostics;
using Rm.Formats;
using Rm.Host.Doctor;
using Rm.Host.Options;
using Rm.Kernels.Checks;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;

namespace Rm.Host.Cli;

/// <summary><c>btrm doctor</c>: what this machine can do, and whether its GPU computes the right thing.</summary>
internal sealed class DoctorCommand
{
    private readonly Option<bool> _json = new("--json") { Description = "Print JSON instead of text." };
    private readonly Option<bool> _kernels = new("--kernels")
    {
        Description = "Run every operation on the GPU and on the CPU, compare, and measure (--device, --gemm and --threads are for this).",
    };

    private readonly DeviceOptions _device = new(withModel: false);

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("doctor", "What this machine can do for btrm, what is missing and how to get it.");
        command.Options.Add(_json);
        command.Options.Add(_kernels);
        _device.AddTo(command);
        command.SetAction(result => result.GetValue(_kernels) ? CheckKernels(result) : Examine(result.GetValue(_json)));
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

    private int CheckKernels(ParseResult result)
    {
        using IBackend device = _device.Open(result);
        if (device is CpuBackend)
        {
            throw new UserInputException(
                "--kernels compares a GPU with the CPU, and there is none here: give --device cuda (btrm doctor says what is missing) or emulated.");
        }

        using CpuBackend reference = _device.OpenCpu(result);
        KernelReport report = CheckKernels(device, reference);
        if (result.GetValue(_json))
        {
            using var text = new MemoryStream();
            report.WriteJson(text);
            Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(text.ToArray()));
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
