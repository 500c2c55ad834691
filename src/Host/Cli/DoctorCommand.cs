using System.CommandLine;
using System.Runtime.InteropServices;
using Rm.Kernels.Cpu;

namespace Rm.Host.Cli;

/// <summary><c>btrm doctor</c>: what this machine can do.</summary>
internal static class DoctorCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var command = new Command("doctor", "What this machine can do for btrm, and what is missing.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        using var backend = new CpuBackend(Environment.ProcessorCount);
        Console.Out.WriteLine($"btrm      {BtrmVersion.Text}, {RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}");
        Console.Out.WriteLine($"cpu       {backend.Description}");
        Console.Out.WriteLine($"memory    {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30):F1} GiB");
        Console.Out.WriteLine("gpu       this build has no CUDA backend");
        return ExitCodes.Success;
    }
}
