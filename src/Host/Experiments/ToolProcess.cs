using System.ComponentModel;
using System.Diagnostics;
using Rm.Formats;

namespace Rm.Host.Experiments;

/// <summary>Runs a small program of the system to its end.</summary>
internal static class ToolProcess
{
    /// <summary>
    /// What it printed on stdout. Throws <see cref="UserInputException"/> when it is not there or fails, with what it said on stderr.
    /// </summary>
    /// <param name="program">Its name.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="why">What to do where the program is missing, for the message.</param>
    public static string Run(string program, IEnumerable<string> arguments, string why)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0
                ? output
                : throw new UserInputException(
                    $"{program} failed with exit code {process.ExitCode}: {error.GetAwaiter().GetResult().Trim()}");
        }
        catch (Win32Exception e)
        {
            throw new UserInputException($"{program} cannot be started ({e.Message}). {why}", e);
        }
    }
}
