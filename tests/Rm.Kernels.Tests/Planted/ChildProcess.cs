using System.Diagnostics;

namespace Rm.Kernels.Tests.Planted;

/// <summary>Runs a program to its end.</summary>
internal static class ChildProcess
{
    /// <summary>
    /// Exit code and everything that was printed; a program that is still running after <paramref name="limit"/> is ended.
    /// </summary>
    public static (int Code, string Output) Run(
        string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, TimeSpan limit)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
        }

        process.WaitForExit();
        return (process.ExitCode, output.Result + errors.Result);
    }
}
