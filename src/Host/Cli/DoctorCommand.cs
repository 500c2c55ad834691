using System.CommandLine;
using Rm.Host.Diagnostics;

namespace Rm.Host.Cli;

/// <summary><c>btrm doctor</c>: what this machine can do.</summary>
internal static class DoctorCommand
{
    /// <summary>The command.</summary>
    public static Command Create()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON instead of text." };
        var command = new Command("doctor", "What this machine can do for btrm, what is missing and how to get it.");
        command.Options.Add(json);
        command.SetAction(result => Run(result.GetValue(json)));
        return command;
    }

    private static int Run(bool json)
    {
        DoctorReport report = Doctor.Examine();
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
}
