using System.CommandLine;
using Rm.Formats;
using Rm.Host.Options;
using Rm.Host.Reporting.Html;

namespace Rm.Host.Cli;

/// <summary><c>btrm report</c>: runs to look at, as a file or live.</summary>
internal sealed class ReportCommand
{
    // Beside TensorBoard's 6006.
    private const int DefaultPort = 6007;

    private readonly Argument<string> _folder =
        new("folder") { Description = "A run's output folder, or a folder that holds such folders.", HelpName = "DIR" };
    private readonly Option<string?> _output =
        new("--output") { Description = "Where the page goes; report.html in the folder by default.", HelpName = "FILE" };
    private readonly Option<bool> _serve =
        new("--serve") { Description = "Show the page on this machine and keep it up to date until Ctrl-C." };

    private readonly Option<int> _port = new("--port")
    {
        Description = "Port of --serve on 127.0.0.1; 0 takes any that is free.",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultPort,
    };

    /// <summary>The command.</summary>
    public Command Create()
    {
        var command = new Command("report", "A page with a run's curves, calibration and samples, or an overview of several runs.");
        command.Arguments.Add(_folder);
        foreach (Option option in new Option[] { _output, _serve, _port })
        {
            command.Options.Add(option);
        }

        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult result)
    {
        string folder = result.GetValue(_folder)!;
        string? output = result.GetValue(_output);
        if (!result.GetValue(_serve))
        {
            Console.Out.WriteLine(ReportFiles.Write(folder, output));
            return ExitCodes.Success;
        }

        int port = result.GetValue(_port);
        if (output is not null)
        {
            throw new UserInputException("Give either --serve or --output: a page that is served is not written.");
        }

        if (port is < 0 or > 65535)
        {
            throw new UserInputException($"--port {port} is not a port; give one from 1 to 65535, or 0 for any that is free.");
        }

        using var server = ReportServer.Start(new ReportSite(folder), port);
        Console.Out.WriteLine($"{server.Address} shows {folder}; Ctrl-C ends it.");
        server.WaitUntilStopped();
        return ExitCodes.Success;
    }
}
